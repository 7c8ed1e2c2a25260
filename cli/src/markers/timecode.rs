//! Timecode: the names of frames in an editor, as in `01:00:00:00`, or `01:00:00;00` with drop frame.

use std::fmt;
use std::str::FromStr;

use super::frame_rate::FrameRate;

/// Minutes of a day. Timecode has no day: it ends before 24 hours.
const DAY_MINUTES: u64 = 24 * 60;

/// The timecode of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timecode {
    hours: u8,
    minutes: u8,
    seconds: u8,
    frames: u8,
    is_drop_frame: bool,
}

/// A way of giving frames a timecode.
///
/// Drop frame skips numbers, not frames: at 29.97 frames a second, numbers 0 and 1 of each minute, except for every tenth. So
/// timecode keeps up with the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counting {
    rate: FrameRate,
    is_drop_frame: bool,
}

impl Counting {
    /// Returns the usual counting of a rate: drop frame where it is defined.
    pub(crate) fn usual(rate: FrameRate) -> Self {
        Self { rate, is_drop_frame: has_drop_frame(rate) }
    }

    /// Returns the counting that a timecode is written in. Fails if the timecode does not exist at this rate.
    pub(crate) fn of(timecode: Timecode, rate: FrameRate) -> Result<Self, String> {
        let counting = Self { rate, is_drop_frame: timecode.is_drop_frame };
        if timecode.is_drop_frame && !has_drop_frame(rate) {
            return Err(format!("drop frame exists at 29.97 and 59.94 frames a second, not at {rate}"));
        }
        if u32::from(timecode.frames) >= rate.nominal() {
            let last = rate.nominal() - 1;
            return Err(format!("the last frame of a second is {last} at {rate} frames a second"));
        }
        let is_dropped = u64::from(timecode.frames) < counting.dropped_a_minute();
        if timecode.seconds == 0 && is_dropped && !timecode.minutes.is_multiple_of(10) {
            return Err("drop frame skips it".to_owned());
        }
        Ok(counting)
    }

    pub(crate) fn rate(self) -> FrameRate {
        self.rate
    }

    pub(crate) fn is_drop_frame(self) -> bool {
        self.is_drop_frame
    }

    /// Returns the number of frames from 00:00:00:00 to a timecode of this counting.
    pub(crate) fn frame(self, timecode: Timecode) -> u64 {
        let minutes = u64::from(timecode.hours) * 60 + u64::from(timecode.minutes);
        let seconds = minutes * 60 + u64::from(timecode.seconds);
        let number = seconds * u64::from(self.rate.nominal()) + u64::from(timecode.frames);
        number - self.dropped_a_minute() * (minutes - minutes / 10)
    }

    /// Returns the timecode of a frame that is this many frames after 00:00:00:00, or `None` if it is 24 hours or later.
    pub(crate) fn timecode(self, frame: u64) -> Option<Timecode> {
        let (nominal, dropped) = (u64::from(self.rate.nominal()), self.dropped_a_minute());
        // Of ten minutes, the first has all numbers.
        let (minute, ten_minutes) = (60 * nominal - dropped, 600 * nominal - 9 * dropped);
        let (tens, rest) = (frame / ten_minutes, frame % ten_minutes);
        let number = frame + dropped * (9 * tens + rest.saturating_sub(dropped) / minute);
        let (seconds, frames) = (number / nominal, number % nominal);
        let (minutes, seconds) = (seconds / 60, seconds % 60);
        (minutes < DAY_MINUTES).then_some(Timecode {
            hours: (minutes / 60) as u8,
            minutes: (minutes % 60) as u8,
            seconds: seconds as u8,
            frames: frames as u8,
            is_drop_frame: self.is_drop_frame,
        })
    }

    /// Returns the numbers that are skipped at the start of a minute.
    fn dropped_a_minute(self) -> u64 {
        if self.is_drop_frame { u64::from(self.rate.nominal()) / 15 } else { 0 }
    }
}

/// Returns true if drop frame is defined at a rate.
fn has_drop_frame(rate: FrameRate) -> bool {
    rate.is_ntsc() && rate.nominal().is_multiple_of(30)
}

impl Timecode {
    /// Returns the start of an hour, in this counting.
    pub(crate) fn hour(hours: u8, counting: Counting) -> Self {
        Self { hours, minutes: 0, seconds: 0, frames: 0, is_drop_frame: counting.is_drop_frame }
    }
}

impl FromStr for Timecode {
    type Err = String;

    fn from_str(given: &str) -> Result<Self, String> {
        let expected = || "expected HH:MM:SS:FF, or HH:MM:SS;FF with drop frame".to_owned();
        let is_drop_frame = given.contains(';');
        let (start, frames) = given.rsplit_once([':', ';']).ok_or_else(expected)?;
        let two_digits = |field: &str| {
            let is_number = field.len() == 2 && field.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| field.parse::<u8>().ok()).flatten().ok_or_else(expected)
        };
        let fields: Vec<_> = start.split(':').map(two_digits).collect::<Result<_, _>>()?;
        let [hours, minutes, seconds] = fields[..] else { return Err(expected()) };
        if hours >= 24 || minutes >= 60 || seconds >= 60 {
            return Err("expected less than 24 hours, 60 minutes, and 60 seconds".to_owned());
        }
        Ok(Self { hours, minutes, seconds, frames: two_digits(frames)?, is_drop_frame })
    }
}

/// Displays `HH:MM:SS:FF`, or `HH:MM:SS;FF` with drop frame.
impl fmt::Display for Timecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.is_drop_frame { ';' } else { ':' };
        let Self { hours, minutes, seconds, frames, .. } = self;
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}{separator}{frames:02}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame_rate::FRAME_RATES;
    use super::*;

    fn rate(name: &str) -> FrameRate {
        name.parse().unwrap()
    }

    fn timecode(rate_name: &str, frame: u64) -> String {
        Counting::usual(rate(rate_name)).timecode(frame).unwrap().to_string()
    }

    #[test]
    fn drop_frame_skips_two_numbers_of_nine_minutes_in_ten() {
        for (frame, expected) in [
            (0, "00:00:00;00"),
            (1799, "00:00:59;29"),
            (1800, "00:01:00;02"),
            (3597, "00:01:59;29"),
            (3598, "00:02:00;02"),
            (17981, "00:09:59;29"),
            (17982, "00:10:00;00"),
            (107_892, "01:00:00;00"),
        ] {
            assert_eq!(timecode("29.97", frame), expected);
        }
        for (frame, expected) in [(3599, "00:00:59;59"), (3600, "00:01:00;04"), (215_784, "01:00:00;00")] {
            assert_eq!(timecode("59.94", frame), expected);
        }
    }

    #[test]
    fn other_rates_count_all_numbers() {
        for (name, frame, expected) in [
            ("23.976", 86_400, "01:00:00:00"),
            ("24", 86_399, "00:59:59:23"),
            ("25", 90_001, "01:00:00:01"),
            ("30", 1800, "00:01:00:00"),
            ("50", 179_999, "00:59:59:49"),
        ] {
            assert_eq!(timecode(name, frame), expected);
        }
    }

    #[test]
    fn a_day_has_no_later_timecode() {
        let counting = Counting::usual(rate("25"));
        assert_eq!(counting.timecode(25 * 86_400 - 1).unwrap().to_string(), "23:59:59:24");
        assert_eq!(counting.timecode(25 * 86_400), None);
        assert_eq!(counting.timecode(u64::MAX / 2), None);
    }

    #[test]
    fn the_separator_chooses_drop_frame() {
        let of = |given: &str, name: &str| Counting::of(given.parse().unwrap(), rate(name));
        assert!(of("01:00:00;00", "29.97").unwrap().is_drop_frame());
        assert!(!of("01:00:00:00", "29.97").unwrap().is_drop_frame());
        assert_eq!(of("00:10:00;00", "29.97"), of("01:00:00;00", "29.97"));
        for (given, name, words) in [
            ("01:00:00;00", "23.976", "drop frame exists at 29.97 and 59.94 frames a second, not at 23.976"),
            ("01:00:00:24", "24", "the last frame of a second is 23 at 24 frames a second"),
            ("00:01:00;01", "29.97", "drop frame skips it"),
            ("00:01:00;03", "59.94", "drop frame skips it"),
        ] {
            assert_eq!(of(given, name).unwrap_err(), words);
        }
    }

    #[test]
    fn rejects_what_is_no_timecode() {
        for given in ["", "01:00:00", "1:00:00:00", "01:00:00:00:00", "01;00;00;00", "0a:00:00:00", "+1:00:00:00"] {
            assert!(given.parse::<Timecode>().unwrap_err().starts_with("expected HH:MM:SS:FF"), "{given}");
        }
        for given in ["24:00:00:00", "00:60:00:00", "00:00:60:00"] {
            assert!(given.parse::<Timecode>().unwrap_err().starts_with("expected less than"), "{given}");
        }
    }

    fn any_counting() -> impl Strategy<Value = Counting> {
        let countings =
            FRAME_RATES.into_iter().flat_map(|rate| [Counting::usual(rate), Counting { rate, is_drop_frame: false }]);
        proptest::sample::select(countings.collect::<Vec<_>>())
    }

    proptest! {
        #[test]
        fn timecode_survives_its_text_and_its_frame(counting in any_counting(), frame in 0_u64..24 * 3600 * 59) {
            let Some(timecode) = counting.timecode(frame) else { return Ok(()) };
            prop_assert_eq!(counting.frame(timecode), frame);
            prop_assert_eq!(timecode.to_string().parse(), Ok(timecode));
            prop_assert_eq!(Counting::of(timecode, counting.rate()), Ok(counting));
        }

        #[test]
        fn drop_frame_keeps_up_with_the_clock(frame in 0_u64..24 * 107_892) {
            let counting = Counting::usual(FrameRate::from_str("29.97").unwrap());
            let Timecode { hours, minutes, seconds, .. } = counting.timecode(frame).unwrap();
            let shown = (u64::from(hours) * 60 + u64::from(minutes)) * 60 + u64::from(seconds);
            prop_assert!(shown.abs_diff(frame * 1001 / 30_000) <= 1);
        }
    }
}
