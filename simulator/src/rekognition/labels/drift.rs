//! Values that change smoothly from sample to sample within a shot: confidences, and boxes of instances.

use std::io::Write;

use fastrand::Rng;

/// Number of samples that a value takes from its first position to its second. Longer than a shot.
const SAMPLES: f32 = 40.0;

/// A value that moves from one position towards another.
struct Drift {
    from: f32,
    to: f32,
}

impl Drift {
    /// Creates a value between 0 and 1.
    fn new(random: &mut Rng) -> Self {
        Self { from: random.f32(), to: random.f32() }
    }

    fn at(&self, sample: u32) -> f32 {
        self.from + (self.to - self.from) * (sample as f32 / SAMPLES)
    }
}

/// A confidence during a shot.
pub(crate) struct Confidence {
    fraction: Drift,
    /// True if the confidence takes only values of a small set.
    coarse: bool,
}

impl Confidence {
    /// Creates a confidence. One in three is coarse, so that ties are common.
    pub(crate) fn new(random: &mut Rng) -> Self {
        Self { coarse: random.u8(0..3) == 0, fraction: Drift::new(random) }
    }

    /// Returns the confidence in a sample of the shot. It is between 50 and 100 percent and exactly an f32.
    pub(crate) fn at(&self, sample: u32) -> f32 {
        let fraction = self.fraction.at(sample);
        50.0 + 50.0 * if self.coarse { (fraction * 64.0).floor() / 64.0 } else { fraction }
    }
}

/// Writes the instances of a label in a sample of a shot. Each index is the same object in all samples of the shot. The
/// last of several objects may leave before the end.
pub(crate) fn write_instances(random: &mut Rng, sample: u32, json: &mut Vec<u8>) -> std::io::Result<()> {
    let (all, until) = (random.u8(1..=5), random.u32(2..24));
    let visible = if sample < until { all } else { (all - 1).max(1) };
    for instance in 0..visible {
        if instance > 0 {
            json.push(b',');
        }
        write_instance(random, sample, json)?;
    }
    Ok(())
}

/// Writes an instance. Its box sometimes extends over the edge of the frame.
fn write_instance(random: &mut Rng, sample: u32, json: &mut Vec<u8>) -> std::io::Result<()> {
    let [left, top, width, height] = [(); 4].map(|()| Drift::new(random).at(sample));
    let (left, top) = (left * 0.9 - 0.02, top * 0.9 - 0.02);
    let (width, height) = (width * (1.05 - left), height * (1.05 - top));
    let confidence = Confidence::new(random).at(sample);
    let [left, top, width, height, confidence] = [left, top, width, height, confidence].map(f64::from);
    write!(
        json,
        r#"{{"BoundingBox":{{"Width":{width},"Height":{height},"Left":{left},"Top":{top}}},"Confidence":{confidence}}}"#
    )
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use serde_json::Value;

    use super::{Confidence, write_instances};

    #[test]
    fn confidences_change_slowly_and_stay_in_range() {
        for seed in 0..1_000 {
            let confidence = Confidence::new(&mut Rng::with_seed(seed));
            let all: Vec<f32> = (0..14).map(|sample| confidence.at(sample)).collect();
            assert!(all.iter().all(|confidence| (50.0..=100.0).contains(confidence)), "{all:?}");
            assert!(all.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 2.1), "{all:?}");
        }
    }

    /// Returns the boxes of the instances in a sample: left, top, width, height.
    fn boxes(seed: u64, sample: u32) -> Vec<[f64; 4]> {
        let mut json = b"[".to_vec();
        write_instances(&mut Rng::with_seed(seed), sample, &mut json).unwrap();
        json.push(b']');
        let all: Vec<Value> = serde_json::from_slice(&json).unwrap();
        let sides = ["Left", "Top", "Width", "Height"];
        all.iter().map(|one| sides.map(|side| one["BoundingBox"][side].as_f64().unwrap())).collect()
    }

    #[test]
    fn each_instance_is_the_same_object_in_all_samples() {
        let (mut moved, mut left, mut outside) = (0, 0, 0);
        for seed in 0..300 {
            for sample in 0..13 {
                let (now, next) = (boxes(seed, sample), boxes(seed, sample + 1));
                assert!(!next.is_empty() && (now.len() == next.len() || now.len() == next.len() + 1));
                left += usize::from(next.len() < now.len());
                let sides = now.as_flattened().iter().zip(next.as_flattened());
                assert!(sides.clone().all(|(side, after)| (side - after).abs() < 0.05), "{now:?} {next:?}");
                moved += usize::from(sides.clone().any(|(side, after)| (side - after).abs() > 0.005));
                outside += now
                    .iter()
                    .filter(|[left, top, width, height]| {
                        *left < 0.0 || *top < 0.0 || left + width > 1.0 || top + height > 1.0
                    })
                    .count();
            }
        }
        assert!(moved > 3_000 && left > 50 && outside > 500, "{moved} moves, {left} left, {outside} outside");
    }
}
