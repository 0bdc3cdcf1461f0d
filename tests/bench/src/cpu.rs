//! CPU time of processes, from `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// `USER_HZ`: the kernel reports process times to user space in hundredths of a second on every common
/// architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system seconds that this process has used so far.
pub fn own_seconds() -> Result<f64> {
    seconds("self")
}

/// User and system seconds that all of `pids` have used so far.
pub fn total_seconds(pids: &[u32]) -> Result<f64> {
    pids.iter().map(|pid| seconds(&pid.to_string())).sum()
}

/// User and system seconds that all processes of the machine have used so far, interrupts left out.
pub fn machine_seconds() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
    parse_machine(&stat).context("/proc/stat has no cpu line")
}

fn seconds(process: &str) -> Result<f64> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    parse(&stat).with_context(|| format!("{path}: {stat}"))
}

/// Fields 14 and 15 (`proc_pid_stat(5)`), counted from behind the command's name, which may hold anything.
fn parse(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// The first three numbers of the line `cpu`: user, nice, system (`proc_stat(5)`).
fn parse_machine(stat: &str) -> Option<f64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
    let ticks = fields.take(3).map(|field| field.parse::<f64>().ok()).sum::<Option<f64>>()?;
    Some(ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_may_hold_spaces_and_parentheses() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0";
        assert_eq!(parse(stat), Some(2.0));
    }

    #[test]
    fn idle_time_and_interrupts_are_left_out() {
        assert_eq!(parse_machine("cpu  100 20 30 9999 5 6 7 0 0 0\ncpu0 1 1 1"), Some(1.5));
    }
}
