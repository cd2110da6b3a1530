//! Decides which faults are injected into a call.

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

    /// Counts a call of `target`, and returns the faults to inject.
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
        let applies = match self.rule.when {
            When::Nth(nth) => self.calls == nth,
            When::Every(every) => self.calls.is_multiple_of(every),
            When::Probability(probability) => self.dice.fraction() < probability,
        };
        applies.then(|| self.rule.fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(when: When, seed: u64) -> Vec<bool> {
        let rule = FaultRule::new(Target::PullEvents, when, Fault::Refused);
        let mut schedule = Schedule::new(seed, vec![rule]);
        (0..1000)
            .map(|_| {
                assert!(schedule.draw(Some(Target::Video)).is_empty(), "another call is neither counted nor injected");
                !schedule.draw(Some(Target::PullEvents)).is_empty()
            })
            .collect()
    }

    #[test]
    fn nth_and_every_count_the_calls_of_their_action() {
        assert_eq!(injected(When::Nth(2), 0)[..4], [false, true, false, false]);
        assert_eq!(injected(When::Every(2), 0)[..4], [false, true, false, true]);
        assert!(injected(When::Every(1), 0).iter().all(|injected| *injected));
    }

    #[test]
    fn a_probability_is_kept_and_repeats_with_its_seed() {
        let count = |probability, seed| injected(When::Probability(probability), seed).iter().filter(|b| **b).count();
        assert_eq!((count(0.0, 7), count(1.0, 7)), (0, 1000));
        assert!((200..400).contains(&count(0.3, 7)), "{}", count(0.3, 7));
        assert_eq!(injected(When::Probability(0.3), 7), injected(When::Probability(0.3), 7));
        assert_ne!(injected(When::Probability(0.3), 7), injected(When::Probability(0.3), 8));
    }
}
