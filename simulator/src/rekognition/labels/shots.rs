//! The shots of a generated video.
//!
//! A video is a sequence of scenes of several shots. Each scene is at a location, and locations return. A location is a
//! kind of place, and is filmed from a few camera angles that alternate. Some scenes end with a black screen, which
//! belongs to no shot.

use std::array;
use std::ops::RangeInclusive;

use fastrand::Rng;

/// Categories of the labels that are frequent at a kind of place. The other categories are rarer there. Categories that
/// are absent from this table are frequent everywhere.
#[rustfmt::skip]
const PLACES: &[&[&str]] = &[
    &["Vehicles and Automotive", "Buildings and Architecture", "Apparel and Accessories"],
    &["Animals and Pets", "Nature and Outdoors", "Plants and Flowers"],
    &["Home and Indoors", "Furniture and Furnishings", "Technology and Computing", "Food and Beverage"],
    &["Sports", "Apparel and Accessories", "Events and Attractions"],
    &["Popular Landmarks", "Buildings and Architecture", "Vehicles and Automotive"],
    &["Food and Beverage", "Furniture and Furnishings", "Events and Attractions"],
    &["Nature and Outdoors", "Animals and Pets", "Vehicles and Automotive", "Sports"],
];

/// Samples in a shot. A sample is half a second.
const SHOT: RangeInclusive<u32> = 2..=10;

/// Shots in a scene.
const SCENE: RangeInclusive<u32> = 5..=14;

/// Samples of a black screen. One scene in four ends with one.
const BLACK: RangeInclusive<u32> = 2..=8;

/// Samples per location, on average. With scenes of a minute or less, each location returns several times.
const LOCATION: u32 = 250;

/// Number of camera angles per location.
pub(crate) const ANGLES: u32 = 3;

/// A shot: the samples between two cuts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shot {
    /// First sample.
    pub(crate) start: u32,
    /// Sample after the last one.
    pub(crate) end: u32,
    pub(crate) location: u32,
    /// Camera angle, below [`ANGLES`].
    pub(crate) angle: u32,
}

/// The kinds of places that suit a category: true where its labels are frequent.
pub(crate) struct Suits([bool; PLACES.len()]);

impl Suits {
    pub(crate) fn new(category: &str) -> Self {
        let everywhere = !PLACES.iter().any(|place| place.contains(&category));
        Self(array::from_fn(|place| everywhere || PLACES[place].contains(&category)))
    }

    pub(crate) fn contains(&self, shot: &Shot) -> bool {
        self.0[shot.location as usize % PLACES.len()]
    }
}

/// Returns shots with this many samples in total, sorted by time.
pub(crate) fn shots(seed: u64, samples: u32) -> Vec<Shot> {
    let mut random = Rng::with_seed(seed);
    let locations = PLACES.len() as u32 + samples / LOCATION;
    let mut shots = Vec::new();
    let (mut start, mut left, mut location) = (0, samples, 0);
    while left > 0 {
        location = (location + random.u32(1..locations)) % locations;
        let mut angle = 0;
        for _ in 0..random.u32(SCENE) {
            angle = (angle + random.u32(1..ANGLES)) % ANGLES;
            let end = start + random.u32(SHOT).min(left);
            if start < end {
                shots.push(Shot { start, end, location, angle });
            }
            left -= end - start;
            start = end;
        }
        if random.u8(0..4) == 0 {
            start += random.u32(BLACK);
        }
    }
    shots
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::{ANGLES, PLACES, shots};
    use crate::rekognition::labels::names;

    #[test]
    fn shots_have_exactly_the_requested_samples() {
        for samples in [1, 2, 3, 50, 2_000] {
            let shots = shots(samples.into(), samples);
            assert_eq!(shots.iter().map(|shot| shot.end - shot.start).sum::<u32>(), samples);
            assert!(shots.iter().all(|shot| shot.start < shot.end && shot.angle < ANGLES));
            assert!(shots.is_sorted_by(|one, next| one.end <= next.start));
        }
    }

    #[test]
    fn scenes_last_and_their_locations_return() {
        let shots = shots(1, 2_000);
        let scenes: Vec<_> = shots.chunk_by(|one, next| one.location == next.location).collect();
        assert!((5..=14).contains(&(shots.len() / scenes.len())), "{} shots, {} scenes", shots.len(), scenes.len());
        let mut returns: HashMap<u32, u32> = HashMap::new();
        for scene in &scenes {
            *returns.entry(scene[0].location).or_default() += 1;
        }
        assert!(returns.values().filter(|&&scenes| scenes > 1).count() * 2 > returns.len(), "{returns:?}");
        let black = shots.windows(2).filter(|pair| pair[0].end < pair[1].start).count();
        assert!(black > 2, "{black}");
    }

    #[test]
    fn every_place_has_categories_of_the_taxonomy() {
        let categories: HashSet<_> = (0..220).map(|rank| names::label(rank).category).collect();
        assert!(PLACES.iter().copied().flatten().all(|category| categories.contains(category)));
    }
}
