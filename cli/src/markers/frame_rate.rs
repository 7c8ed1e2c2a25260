//! Frame rates as exact fractions, and the conversion between times and frames. All arithmetic is in integers, so that the
//! last frame of a long video is as exact as the first.

use std::fmt;
use std::str::FromStr;

/// A frame rate that editors have timecode for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameRate {
    /// Frames that the timecode counts in a second.
    nominal: u32,
    /// True if the frames are 1001/1000 as long as the timecode says, a rate from NTSC television.
    is_ntsc: bool,
}

/// The frame rates.
pub(crate) const FRAME_RATES: [FrameRate; 9] = [
    FrameRate::ntsc(24),
    FrameRate::whole(24),
    FrameRate::whole(25),
    FrameRate::ntsc(30),
    FrameRate::whole(30),
    FrameRate::whole(48),
    FrameRate::whole(50),
    FrameRate::ntsc(60),
    FrameRate::whole(60),
];

/// Largest distance of a given rate to the rate that it means, in frames per 1,000 seconds. 23.98 means 24000/1001, which is
/// 23.976. Other rates are 24 apart at least.
const TOLERANCE: i64 = 5;

impl FrameRate {
    const fn whole(nominal: u32) -> Self {
        Self { nominal, is_ntsc: false }
    }

    const fn ntsc(nominal: u32) -> Self {
        Self { nominal, is_ntsc: true }
    }

    /// Returns the frame rate that a rounded number of frames a second means.
    pub(crate) fn nearest(frames_a_second: f64) -> Option<Self> {
        // The result of a cast is in the range of the integer, and that of NaN is 0.
        let given = (frames_a_second * 1000.0).round() as i64;
        FRAME_RATES.into_iter().find(|rate| given.abs_diff(rate.millihertz().into()) <= TOLERANCE as u64)
    }

    /// Returns the frames that the timecode counts in a second. At 23.976, they are 24.
    pub(crate) fn nominal(self) -> u32 {
        self.nominal
    }

    /// Returns true if a second of timecode is longer than a second.
    pub(crate) fn is_ntsc(self) -> bool {
        self.is_ntsc
    }

    /// Returns the numerator of the rate: 24000 of 24000/1001.
    pub(crate) fn numerator(self) -> u32 {
        if self.is_ntsc { self.nominal * 1000 } else { self.nominal }
    }

    /// Returns the denominator of the rate: 1001 of 24000/1001.
    pub(crate) fn denominator(self) -> u32 {
        if self.is_ntsc { 1001 } else { 1 }
    }

    /// Returns the frame whose time is nearest to a time of Rekognition.
    ///
    /// Rekognition returns the time of a frame in whole milliseconds, which may be before the frame. Rounding down would
    /// therefore return the frame before.
    pub(crate) fn frame_at(self, ms: i64) -> u64 {
        let (ms, numerator, second) =
            (ms.max(0) as u128, u128::from(self.numerator()), 1000 * u128::from(self.denominator()));
        ((2 * ms * numerator + second) / (2 * second)) as u64
    }

    /// Returns the first millisecond at which a player shows a frame.
    pub(crate) fn ms_at(self, frame: u64) -> u64 {
        let second = 1000 * u128::from(self.denominator());
        (u128::from(frame) * second).div_ceil(self.numerator().into()) as u64
    }

    fn millihertz(self) -> u32 {
        (2000 * self.numerator() + self.denominator()) / (2 * self.denominator())
    }
}

impl FromStr for FrameRate {
    type Err = String;

    /// Parses a number such as `23.976`, or a fraction such as `24000/1001`.
    fn from_str(given: &str) -> Result<Self, String> {
        let found = match given.split_once('/') {
            Some((numerator, denominator)) => FRAME_RATES.into_iter().find(|rate| {
                numerator.parse() == Ok(rate.numerator()) && denominator.parse() == Ok(rate.denominator())
            }),
            None => given.parse().ok().and_then(Self::nearest),
        };
        found.ok_or_else(|| format!("expected one of {}", FRAME_RATES.map(|rate| rate.to_string()).join(", ")))
    }
}

/// Displays the rate as editors do, as in `23.976` or `25`.
impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millihertz = self.millihertz();
        let (whole, fraction) = (millihertz / 1000, format!("{:03}", millihertz % 1000));
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            fraction => write!(f, "{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_rate() -> impl Strategy<Value = FrameRate> {
        proptest::sample::select(FRAME_RATES.to_vec())
    }

    #[test]
    fn takes_rounded_rates_for_the_exact_ones() {
        for (given, name, numerator, denominator) in [
            (23.976, "23.976", 24000, 1001),
            (23.98, "23.976", 24000, 1001),
            (24.0, "24", 24, 1),
            (25.0, "25", 25, 1),
            (29.970_029_830_932_617, "29.97", 30000, 1001),
            (30.0, "30", 30, 1),
            (50.0, "50", 50, 1),
            (59.94, "59.94", 60000, 1001),
        ] {
            let rate = FrameRate::nearest(given).unwrap();
            assert_eq!((&*rate.to_string(), rate.numerator(), rate.denominator()), (name, numerator, denominator));
        }
        for other in [0.0, -25.0, 12.5, 23.99, 29.98, 29.83, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(FrameRate::nearest(other), None, "{other}");
        }
    }

    #[test]
    fn parses_numbers_and_fractions() {
        for rate in FRAME_RATES {
            assert_eq!(rate.to_string().parse(), Ok(rate));
            assert_eq!(format!("{}/{}", rate.numerator(), rate.denominator()).parse(), Ok(rate));
        }
        for given in ["", "29.9", "PAL", "30000/1000", "24000/", "1e999"] {
            let error = given.parse::<FrameRate>().unwrap_err();
            assert_eq!(error, "expected one of 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60");
        }
    }

    #[test]
    fn finds_the_frame_of_a_time_that_is_cut_to_milliseconds() {
        let rate = FrameRate::ntsc(30);
        // Frame 1 begins after 33.37 ms, and frame 107,892 after an hour.
        assert_eq!([0, 33, 34, 3_599_996, 3_599_997].map(|ms| rate.frame_at(ms)), [0, 1, 1, 107_892, 107_892]);
        assert_eq!((rate.frame_at(-1), rate.frame_at(i64::MIN)), (0, 0));
    }

    proptest! {
        #[test]
        fn frames_survive_their_times(rate in any_rate(), frame in 0_u64..1 << 40) {
            let (numerator, denominator) = (u128::from(rate.numerator()), u128::from(rate.denominator()));
            let cut = (u128::from(frame) * 1000 * denominator / numerator) as i64;
            prop_assert_eq!(rate.frame_at(cut), frame);
            prop_assert_eq!(rate.frame_at(cut + 1), frame);
            prop_assert_eq!(rate.frame_at(rate.ms_at(frame) as i64), frame);
        }

        #[test]
        fn later_times_have_later_frames(rate in any_rate(), ms in 0..i64::MAX) {
            prop_assert!(rate.frame_at(ms - 1) <= rate.frame_at(ms));
        }
    }
}
