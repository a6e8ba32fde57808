//! The door as WebAssembly: the host writes a request into a buffer, calls, and reads the reply; no unsafe block is needed.
// Unmangled names count as unsafe because two equal ones in a program clash; this module has one of each.
#![allow(unsafe_code)]

use std::cell::RefCell;

use crate::request::LARGEST_REQUEST;
use crate::session::Session;

/// The session, and the two buffers that the host sees.
#[derive(Default)]
struct Door {
    session: Session,
    request: Vec<u8>,
    reply: String,
}

thread_local! {
    static DOOR: RefCell<Door> = RefCell::default();
}

/// Where the host may write a request of `length` bytes; null where it is too long to be read.
// SAFETY: no other symbol of this name exists in the module.
#[unsafe(no_mangle)]
extern "C" fn request_buffer(length: usize) -> *mut u8 {
    if length > LARGEST_REQUEST {
        return std::ptr::null_mut();
    }
    DOOR.with_borrow_mut(|door| {
        door.request = vec![0; length];
        door.request.as_mut_ptr()
    })
}

/// Answers the request that was written, and says where its reply starts.
// SAFETY: no other symbol of this name exists in the module.
#[unsafe(no_mangle)]
extern "C" fn answer() -> *const u8 {
    DOOR.with_borrow_mut(|door| {
        door.reply = door.session.answer_bytes(&std::mem::take(&mut door.request));
        door.reply.as_ptr()
    })
}

/// Bytes of the last reply.
// SAFETY: no other symbol of this name exists in the module.
#[unsafe(no_mangle)]
extern "C" fn reply_length() -> usize {
    DOOR.with_borrow(|door| door.reply.len())
}
