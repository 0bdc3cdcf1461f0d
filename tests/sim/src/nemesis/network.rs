//! Network faults: partitions of any shape; held, slow and lost messages.

use super::Nemesis;
use crate::trace::Trace;
use rand::Rng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use std::time::Duration;
use turmoil::Sim;

/// The latency of a slow link, in milliseconds.
const SLOW_LATENCY_MS: std::ops::Range<u64> = 20..400;

impl Nemesis {
    pub(super) fn network(&mut self, sim: &mut Sim<'_>, trace: &mut Trace) {
        if self.network_until.is_some() {
            return;
        }
        self.network_until = Some(trace.now_ms + self.random.random_range(300..6000));
        let hosts: Vec<String> = self.hosts().collect();
        let one = self.any();
        let (own, others): (&str, Vec<&str>) = (
            &hosts[one],
            hosts.iter().enumerate().filter(|(at, _)| *at != one).map(|(_, host)| host.as_str()).collect(),
        );
        match self.random.random_range(0..9) {
            0 => {
                let minority = hosts.len() / 2;
                let mut shuffled = hosts.clone();
                shuffled.shuffle(&mut self.random);
                let (few, many) = shuffled.split_at(minority);
                for a in few {
                    for b in many {
                        sim.partition(a.as_str(), b.as_str());
                    }
                }
                trace.count("partition", format_args!("{few:?} from {many:?}"));
            }
            1 => {
                for other in &others {
                    sim.partition(own, *other);
                }
                trace.count("partition-one", format_args!("{own}"));
            }
            2 => {
                for other in &others {
                    sim.partition_oneway(own, *other);
                }
                trace.count("partition-out", format_args!("{own} is not heard"));
            }
            3 => {
                for other in &others {
                    sim.partition_oneway(*other, own);
                }
                trace.count("partition-in", format_args!("{own} does not hear"));
            }
            4 => {
                let other = others.choose(&mut self.random).copied().unwrap_or(own);
                sim.partition(own, other);
                trace.count("partition-link", format_args!("{own} and {other}"));
            }
            5 => {
                let clients = self.clients.clone();
                for client in &clients {
                    sim.partition(own, client.as_str());
                }
                trace.count("partition-clients", format_args!("{own}"));
            }
            6 => {
                let other = others.choose(&mut self.random).copied().unwrap_or(own);
                sim.hold(own, other);
                trace.count("hold", format_args!("{own} and {other}"));
            }
            7 => {
                let ms = self.random.random_range(SLOW_LATENCY_MS);
                for other in &others {
                    sim.set_link_max_message_latency(own, *other, Duration::from_millis(ms));
                }
                trace.count("slow-link", format_args!("{own} up to {ms} ms"));
            }
            _ => {
                let rate = self.random.random_range(0.001..0.03);
                sim.set_fail_rate(rate);
                trace.count("loss", format_args!("{:.1} %", rate * 100.0));
            }
        }
    }
}
