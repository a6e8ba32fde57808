//! Whether this process may use the matrix unit (Intel AMX): the processor has it, and Linux agreed to save its registers.

use std::sync::OnceLock;

/// Whether the matrix unit can be used, asking the kernel for it once.
///
/// A process must ask before its first tile instruction, because a thread that uses tiles needs 8 KiB more when it is
/// interrupted; the answer holds for all its threads (Linux, `Documentation/arch/x86/xstate.rst`).
pub(crate) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| processor_has_it() && permitted())
}

/// The matrix unit with products of bf16, and the vector instructions that prepare its operands.
fn processor_has_it() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    /// Bits of EDX in leaf 7 of the `cpuid` instruction.
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    let vectors = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16");
    vectors && __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & (AMX_BF16 | AMX_TILE) == AMX_BF16 | AMX_TILE
}

/// Asks Linux: `arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA)` is zero where it agrees.
fn permitted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XFEATURE_XTILEDATA: i64 = 18;
    let answer: i64;
    // SAFETY: a Linux system call on x86-64, which overwrites rcx and r11; this one reads and writes no memory of ours.
    unsafe {
        std::arch::asm!(
            "syscall", inlateout("rax") ARCH_PRCTL => answer, in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA, out("rcx") _, out("r11") _, options(nostack),
        );
    }
    answer == 0
}
