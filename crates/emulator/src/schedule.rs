//! Decides which faults befall a call.

use crate::fault::{Fault, FaultRule, When};
use crate::identifiers::Random;
use crate::target::Target;

/// The rules in force, each with the calls that it has counted.
pub(crate) struct Schedule {
    seed: u64,
    /// How many rules there have been, so that each has dice of its own.
    made: u64,
    rules: Vec<Counted>,
}

struct Counted {
    rule: FaultRule,
    calls: u64,
    dice: Random,
}

impl Schedule {
    pub(crate) fn new(seed: u64, rules: Vec<FaultRule>) -> Self {
        let mut schedule = Self { seed, made: 0, rules: Vec::new() };
        rules.into_iter().for_each(|rule| schedule.add(rule));
        schedule
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.made += 1;
        // The seed itself makes ids; a stream that is far from it throws the dice.
        let dice = Random::new(self.seed.rotate_left(32) ^ self.made);
        self.rules.push(Counted { rule, calls: 0, dice });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts a call of `target`, and tells what befalls it.
    pub(crate) fn draw(&mut self, target: Option<Target>) -> Vec<Fault> {
        let counting = self.rules.iter_mut().filter(|counted| match counted.rule.target {
            None => true,
            wanted => wanted == target,
        });
        counting.filter_map(Counted::draw).collect()
    }
}

impl Counted {
    fn draw(&mut self) -> Option<Fault> {
        self.calls += 1;
        let befalls = match self.rule.when {
            When::Nth(nth) => self.calls == nth,
            When::Every(every) => self.calls.is_multiple_of(every),
            When::Probability(probability) => self.dice.fraction() < probability,
        };
        befalls.then(|| self.rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn befallen(when: When, seed: u64) -> Vec<bool> {
        let rule = FaultRule::new(Target::PullEvents, when, Fault::Refused);
        let mut schedule = Schedule::new(seed, vec![rule]);
        (0..1000)
            .map(|_| {
                assert!(schedule.draw(Some(Target::Video)).is_empty(), "another call is neither counted nor befallen");
                !schedule.draw(Some(Target::PullEvents)).is_empty()
            })
            .collect()
    }

    #[test]
    fn nth_and_every_count_the_calls_of_their_action() {
        assert_eq!(befallen(When::Nth(2), 0)[..4], [false, true, false, false]);
        assert_eq!(befallen(When::Every(2), 0)[..4], [false, true, false, true]);
        assert!(befallen(When::Every(1), 0).iter().all(|befallen| *befallen));
    }

    #[test]
    fn a_probability_is_kept_and_repeats_with_its_seed() {
        let count = |probability, seed| befallen(When::Probability(probability), seed).iter().filter(|b| **b).count();
        assert_eq!((count(0.0, 7), count(1.0, 7)), (0, 1000));
        assert!((200..400).contains(&count(0.3, 7)), "{}", count(0.3, 7));
        assert_eq!(befallen(When::Probability(0.3), 7), befallen(When::Probability(0.3), 7));
        assert_ne!(befallen(When::Probability(0.3), 7), befallen(When::Probability(0.3), 8));
    }
}
