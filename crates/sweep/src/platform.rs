//! Who this process is, and whether another one still lives: what only the operating system knows.

use serde::{Deserialize, Serialize};

/// A process, told apart from any other one, now or later, here or on another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Name of the machine, for people.
    pub host: String,
    /// Which boot of which machine, and which process namespace of it: where `pid` means something. `None` when unknown.
    pub place: Option<String>,
    /// Its number.
    pub pid: u32,
    /// Clock ticks from boot to its start: tells it from a later process of the same number. `None` when unknown.
    pub started_ticks: Option<u64>,
}

impl Process {
    /// The process this runs in.
    pub fn current() -> Self {
        let pid = std::process::id();
        let host = system::host().unwrap_or_else(|| "this machine".to_owned());
        Self { host, place: system::place(), pid, started_ticks: system::started_ticks(pid) }
    }

    /// Whether this process certainly no longer exists. `false` when only its heartbeat can tell: it ran on another
    /// machine, before a reboot, in another container, or on a system that says too little.
    pub fn is_gone(&self) -> bool {
        let here = self.place.is_some() && self.place == system::place();
        here && self.started_ticks.is_some() && system::started_ticks(self.pid) != self.started_ticks
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    pub(super) fn host() -> Option<String> {
        Some(fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned())
    }

    /// `None` also where processes of other users are hidden (`hidepid`): there, not to be seen is not to be gone.
    pub(super) fn place() -> Option<String> {
        started_ticks(1)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("{} {}", boot.trim(), namespace.to_str()?))
    }

    /// `None` when there is no such process, or it is dead and waits to be buried.
    pub(super) fn started_ticks(pid: u32) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The second field is the program's name in parentheses and may hold anything; the third is the state, the 22nd the start.
        let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
        let state = fields.next()?;
        if matches!(state, "Z" | "X" | "x") { None } else { fields.nth(18)?.parse().ok() }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn host() -> Option<String> {
        None
    }

    pub(super) fn place() -> Option<String> {
        None
    }

    pub(super) fn started_ticks(_pid: u32) -> Option<u64> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        assert!(!Process::current().is_gone());
    }

    #[test]
    fn a_killed_child_is_gone_even_before_it_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let process =
            Process { pid: child.id(), started_ticks: system::started_ticks(child.id()), ..Process::current() };
        assert!(!process.is_gone());
        child.kill().unwrap();
        while !process.is_gone() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(process.is_gone());
    }

    #[test]
    fn a_later_process_of_the_same_number_is_another() {
        let now = Process::current();
        assert!(Process { started_ticks: now.started_ticks.map(|ticks| ticks - 1), ..now }.is_gone());
    }

    #[test]
    fn nothing_is_known_of_a_process_elsewhere() {
        let elsewhere = Process { place: Some("another boot".to_owned()), pid: u32::MAX, ..Process::current() };
        assert!(!elsewhere.is_gone());
    }
}
