//! The samples in which each label of a generated job is detected.

use fastrand::Rng;

use crate::rekognition::labels::names::Label;
use crate::rekognition::labels::random::mix;
use crate::rekognition::labels::shots::{ANGLES, Shot, Suits, shots};

/// Greatest mean number of labels of a group per sample of the group's first label. Beyond it, the remaining labels of
/// the group appear anywhere, so that a job with as many labels as detections does not have them all in one sample.
const LABELS_PER_SAMPLE: u32 = 8;

/// The samples of one shot in which a label is detected, all of them in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appearance {
    /// First sample.
    pub(crate) start: u32,
    /// Sample after the last one.
    pub(crate) end: u32,
    /// Index of the shot.
    pub(crate) shot: u32,
}

impl Appearance {
    pub(crate) fn length(&self) -> u32 {
        self.end - self.start
    }

    /// Returns a part of at most `left` samples. It is all of the appearance in half of the cases, at least half of it
    /// otherwise.
    fn part(self, left: u32, random: &mut Rng) -> Self {
        let length = self.length();
        let part = if random.bool() { length } else { random.u32(length.div_ceil(2)..=length) };
        let start = self.start + random.u32(0..=length - part);
        Self { start, end: start + part.min(left), ..self }
    }

    /// Extends the appearance by up to `left` samples, within another one that contains it. Returns their number.
    fn extend(&mut self, within: Self, left: u32) -> u32 {
        let more = left.min(within.length() - self.length());
        let before = more.min(self.start - within.start);
        self.start -= before;
        self.end += more - before;
        more
    }
}

/// Returns the indices of the appearances that start a segment. The appearances are sorted by time.
pub(crate) fn segment_starts(appearances: &[Appearance]) -> impl Iterator<Item = usize> {
    let follows = |index: usize| index > 0 && appearances[index - 1].end == appearances[index].start;
    (0..appearances.len()).filter(move |&index| !follows(index))
}

/// The shots of a video, and the labels that have been scheduled.
pub(crate) struct Schedule {
    shots: Vec<Shot>,
    /// An appearance per shot, from its first sample to its last, sorted by location and time.
    whole_shots: Vec<Appearance>,
    groups: Vec<Group>,
}

/// A group of labels. Its first label is a parent of the others, which appear together with it.
struct Group {
    /// Appearances of the first label.
    first: Vec<Appearance>,
    /// Number of samples that the other labels may still take.
    room: u32,
}

impl Schedule {
    /// Creates a schedule without labels. The shots have `samples` samples in total.
    pub(crate) fn new(seed: u64, samples: u32) -> Self {
        let shots = shots(seed, samples);
        let whole = |(shot, &Shot { start, end, .. })| Appearance { start, end, shot };
        let mut whole_shots: Vec<_> = (0..).zip(&shots).map(whole).collect();
        whole_shots.sort_by_key(|whole| shots[whole.shot as usize].location);
        Self { shots, whole_shots, groups: Vec::new() }
    }

    pub(crate) fn shots(&self) -> &[Shot] {
        &self.shots
    }

    /// Schedules a label. Returns its appearances by time, which have exactly `samples` samples in total. The first
    /// label of each group is added before all others, and the labels in descending order of their samples.
    pub(crate) fn add(&mut self, label: &Label, samples: u32, seed: u64) -> Vec<Appearance> {
        let mut appearances = match self.groups.get_mut(label.group) {
            None => {
                let first = self.choose_first(label.category, samples, seed);
                self.groups.push(Group { first: first.clone(), room: samples.saturating_mul(LABELS_PER_SAMPLE) });
                first
            }
            Some(group) if group.room < samples => self.choose_among(&self.whole_shots, samples, seed),
            Some(group) => {
                group.room -= samples;
                self.choose_among(&self.groups[label.group].first, samples, seed)
            }
        };
        appearances.sort_unstable_by_key(|appearance| appearance.start);
        appearances
    }

    /// Chooses the appearances of the first label of a group: at the places that suit its category, then elsewhere.
    fn choose_first(&self, category: &str, samples: u32, seed: u64) -> Vec<Appearance> {
        let suits = Suits::new(category);
        let suits = |whole: &Appearance| suits.contains(self.shot(whole));
        let (mut candidates, others): (Vec<_>, Vec<_>) = self.whole_shots.iter().copied().partition(suits);
        let first = mix(&[seed, 3]) as usize % candidates.len().max(1);
        candidates.rotate_left(first);
        candidates.extend(others);
        choose(&candidates, 0, samples, seed, |whole| suits(whole) || is_visible(seed, self.shot(whole)))
    }

    /// Chooses the appearances of a label among those of its parent, or among all shots.
    fn choose_among(&self, candidates: &[Appearance], samples: u32, seed: u64) -> Vec<Appearance> {
        let first = mix(&[seed, 3]) as usize % candidates.len();
        choose(candidates, first, samples, seed, |candidate| is_visible(seed, self.shot(candidate)))
    }

    fn shot(&self, appearance: &Appearance) -> &Shot {
        &self.shots[appearance.shot as usize]
    }
}

/// Returns true if a label is visible from the angle of a shot: always the same angles of a location, at least one.
fn is_visible(seed: u64, shot: &Shot) -> bool {
    let angles = 1 + mix(&[seed, shot.location.into()]) % ((1 << ANGLES) - 1);
    (angles >> shot.angle) & 1 == 1
}

/// Chooses appearances with exactly `samples` samples in total, each within one of the candidates.
///
/// Takes the candidates that are visible in their order, from the one at `from` on and around the end. If samples are
/// still missing then, the appearances are extended, again in this order. The candidates have at least `samples`
/// samples in total.
fn choose(
    candidates: &[Appearance],
    from: usize,
    samples: u32,
    seed: u64,
    is_visible: impl Fn(&Appearance) -> bool,
) -> Vec<Appearance> {
    let mut random = Rng::with_seed(seed);
    let mut left = samples;
    let (before, after) = candidates.split_at(from);
    let in_turn = || after.iter().chain(before);
    let mut chosen = Vec::new();
    for candidate in in_turn() {
        if left == 0 {
            break;
        }
        let part = candidate.part(if is_visible(candidate) { left } else { 0 }, &mut random);
        left -= part.length();
        chosen.push(part);
    }
    for (candidate, part) in in_turn().zip(&mut chosen) {
        left -= part.extend(*candidate, left);
    }
    chosen.retain(|part| part.length() > 0);
    chosen
}

#[cfg(test)]
mod tests {
    use super::{Appearance, Schedule, segment_starts};
    use crate::rekognition::labels::names;

    fn total(appearances: &[Appearance]) -> u32 {
        appearances.iter().map(Appearance::length).sum()
    }

    /// Returns true if each appearance is within one of the others, in the same shot.
    fn are_within(appearances: &[Appearance], others: &[Appearance]) -> bool {
        let is_within = |one: &Appearance| {
            others.iter().any(|other| one.shot == other.shot && other.start <= one.start && one.end <= other.end)
        };
        appearances.iter().all(is_within)
    }

    #[test]
    fn every_label_has_exactly_its_samples() {
        for (seed, samples) in (0..).zip([3, 10, 100, 1_000]) {
            // The most that fits is all samples of all shots.
            for wanted in [1, 2, samples / 2 + 1, samples - 1, samples] {
                let mut schedule = Schedule::new(seed, samples);
                for rank in 0..30 {
                    let appearances = schedule.add(&names::label(rank), wanted, rank as u64);
                    assert_eq!(total(&appearances), wanted, "label {rank} in {samples} samples");
                    assert!(appearances.is_sorted_by(|one, next| one.end <= next.start), "they are disjoint");
                    assert!(are_within(&appearances, &schedule.whole_shots));
                }
            }
        }
    }

    #[test]
    fn labels_appear_together_with_the_first_of_their_group() {
        let mut schedule = Schedule::new(1, 1_000);
        let groups = names::label(13).group + 1;
        let first: Vec<_> = (0..groups).map(|rank| schedule.add(&names::label(rank), 200, rank as u64)).collect();
        for rank in groups..groups * 5 {
            let label = names::label(rank);
            let appearances = schedule.add(&label, 100, rank as u64);
            assert!(are_within(&appearances, &first[label.group]), "{}", label.name);
        }
    }

    #[test]
    fn labels_of_a_crowded_group_appear_anywhere() {
        let mut schedule = Schedule::new(1, 1_000);
        let label = names::label(0);
        let first = schedule.add(&label, 1, 0);
        let others: Vec<_> = (1..100).map(|seed| schedule.add(&label, 1, seed)).collect();
        assert_eq!(others.iter().filter(|appearances| are_within(appearances, &first)).count(), 8);
    }

    #[test]
    fn contiguous_appearances_are_one_segment() {
        let appearance = |shot, start, end| Appearance { start, end, shot };
        let all = [appearance(0, 1, 4), appearance(1, 4, 6), appearance(2, 7, 9), appearance(4, 12, 13)];
        assert_eq!(segment_starts(&all).collect::<Vec<_>>(), [0, 2, 3]);
    }
}
