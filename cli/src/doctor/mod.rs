//! The doctor of a stack: reads what the account has of it, and checks that it works as the template describes it.
//!
//! `read` makes all calls. `checks` are plain functions over what was read.

pub(crate) mod check;
mod checks;
mod facts;
mod fix;
mod names;
mod policy;
mod read;
mod video_names;

pub(crate) use self::checks::check_all;
pub(crate) use self::read::read;
