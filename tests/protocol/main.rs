//! The protocol as a model: every order in which copies of an export, Overwrites, continuations, `label-lake delete`,
//! kills and a change of settings can meet.
//!
//! The decisions are the real ones, of `label_lake::export::protocol`. The requests are those of `src/export.rs`, one a step;
//! `tests/whole_program/order.rs` compares their order with the real program's. The search is a
//! hundred lines of ours (`explore.rs`); the crate stateright would bring forty others, an HTTP server among them.
//!
//! To read a violation: `cargo test --test protocol without_a_safeguard::row_1 -- --nocapture`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::struct_excessive_bools, reason = "a state is what happened so far")]

mod commit;
mod copy;
mod delete;
mod explore;
mod in_order;
mod lake;
mod mends;
mod orders;
mod rules;
mod scenarios;
mod world;

use std::time::Instant;

use self::explore::{explore, run};
use self::mends::Mends;
use self::rules::{MISSING_FILE, MISSING_PARTITION, NOT_OVERWRITTEN, Residue, Rules, UNOWNED, VANISHED, Windows};
use self::scenarios::{
    COPIES, DELETE, DELETE_AND_OVERWRITE, EVERYTHING, EXPIRED, OVERWRITE_AND_PLAIN, OVERWRITE_TWICE,
    OVERWRITE_WHILE_ADDED, OVERWRITE_WHILE_DROPPED, Scenario, TABLE_ADDED, TABLE_DROPPED, TWO_OVERWRITES,
};

/// All mends, and S3 as it is: anything may happen between two requests.
const OPEN: Rules = Rules {
    mends: Mends::ALL,
    windows: Windows { list_to_put: true, head_to_remove: true },
    residue: Residue { other_table: false, partitions: false },
    job_failed: false,
    etag_of_each_write: false,
};
/// What is promised while the settings change or a person deletes: nothing comes into the windows, and what
/// `docs/SEMANTICS.md` names may be left.
const ASSUMED: Rules = Rules {
    windows: Windows { list_to_put: false, head_to_remove: false },
    residue: Residue { other_table: true, partitions: true },
    ..OPEN
};
const SCHEDULES: u64 = 40_000;

/// Expects that no promise is broken in any order.
fn holds(scenarios: &[Scenario], rules: &Rules) {
    for scenario in scenarios {
        let began = Instant::now();
        let explored = explore(scenario.start(), rules);
        println!("{}: {} states, {:.1?}", scenario.name, explored.states, began.elapsed());
        assert!(explored.violation.is_none(), "{}: {}", scenario.name, explored.violation.unwrap());
        assert!(explored.ends > 0, "{} comes to no end", scenario.name);
    }
}

/// Expects that this promise is broken.
fn breaks(scenario: &Scenario, rules: &Rules, promise: &str) {
    let explored = explore(scenario.start(), rules);
    let violation = explored.violation.unwrap_or_else(|| panic!("{} holds", scenario.name));
    println!("{}: {} states, then {violation}", scenario.name, explored.states);
    assert_eq!(violation.promise, promise);
}

fn without(mends: Mends) -> Rules {
    Rules { mends, ..ASSUMED }
}

#[test]
fn copies_and_overwrites_keep_every_promise() {
    holds(&[COPIES, OVERWRITE_TWICE, OVERWRITE_AND_PLAIN, TWO_OVERWRITES, EXPIRED], &OPEN);
}

#[test]
fn unique_etags_keep_every_promise() {
    holds(&[OVERWRITE_TWICE, TWO_OVERWRITES], &Rules { etag_of_each_write: true, ..OPEN });
}

#[test]
fn failed_job_keeps_every_promise() {
    holds(&[COPIES, OVERWRITE_TWICE, OVERWRITE_AND_PLAIN, TWO_OVERWRITES], &Rules { job_failed: true, ..OPEN });
}

#[test]
fn settings_change_keeps_the_promises_outside_the_race_windows() {
    holds(&[TABLE_DROPPED, TABLE_ADDED, OVERWRITE_WHILE_DROPPED, OVERWRITE_WHILE_ADDED], &ASSUMED);
}

#[test]
fn delete_keeps_the_promises_outside_the_race_windows() {
    holds(&[DELETE, DELETE_AND_OVERWRITE], &ASSUMED);
}

#[test]
fn random_schedules_keep_the_promises_outside_the_race_windows() {
    for scenario in EVERYTHING {
        for seed in 0..SCHEDULES {
            if let Some(violation) = run(scenario.start(), &ASSUMED, &mut fastrand::Rng::with_seed(seed)) {
                panic!("{}, seed {seed}: {violation}", scenario.name);
            }
        }
        println!("{}: {SCHEDULES} schedules", scenario.name);
    }
}

/// Rows of the table of issue 13, each with its mend taken out.
mod without_a_safeguard {
    use super::*;

    #[test]
    fn continuation_that_does_not_say_replaces_leaves_unowned_files() {
        breaks(&OVERWRITE_TWICE, &without(Mends { message_replaces: false, ..Mends::ALL }), UNOWNED);
    }

    #[test]
    fn refused_commit_taken_for_a_success_loses_the_overwrite() {
        let mends = Mends { row_is_replaced: false, ..Mends::ALL };
        breaks(&OVERWRITE_AND_PLAIN, &without(mends), NOT_OVERWRITTEN);
        breaks(&OVERWRITE_AND_PLAIN, &Rules { job_failed: true, ..without(mends) }, NOT_OVERWRITTEN);
        // As it was: with the removal of another table's files before the commit.
        breaks(&TABLE_DROPPED, &without(Mends { others_go_last: false, ..mends }), MISSING_FILE);
    }

    #[test]
    fn checkpoint_deleted_before_the_commit_loses_the_job() {
        breaks(&EXPIRED, &without(Mends { checkpoint_outlives_commit: false, ..Mends::ALL }), VANISHED);
    }

    #[test]
    fn commit_without_listing_files_lacks_a_file() {
        breaks(&DELETE, &without(Mends { files_are_listed: false, ..Mends::ALL }), MISSING_FILE);
    }

    #[test]
    fn ignored_checkpoint_of_other_settings_leaves_unowned_files() {
        breaks(&TABLE_DROPPED, &without(Mends { unusable_replaces: false, ..Mends::ALL }), UNOWNED);
    }

    #[test]
    fn losing_copy_that_does_not_clean_up_leaves_unowned_files() {
        breaks(&TABLE_DROPPED, &without(Mends { loser_cleans_up: false, ..Mends::ALL }), UNOWNED);
    }

    #[test]
    fn removing_another_table_before_the_commit_loses_a_file() {
        breaks(&TABLE_DROPPED, &without(Mends { others_go_last: false, ..Mends::ALL }), MISSING_FILE);
    }

    #[test]
    fn overwrite_that_cannot_resume_without_results_loses_the_job() {
        breaks(&EXPIRED, &without(Mends { saved_outlives_results: false, ..Mends::ALL }), VANISHED);
    }
}

/// What cannot be closed, so that `docs/SEMANTICS.md` says no more and no less.
mod residual {
    use super::*;

    #[test]
    fn deletion_between_listing_and_commit_loses_a_file() {
        let rules = Rules { windows: Windows { list_to_put: true, ..ASSUMED.windows }, ..ASSUMED };
        breaks(&DELETE, &rules, MISSING_FILE);
        breaks(&TABLE_ADDED, &rules, MISSING_FILE);
    }

    #[test]
    fn commit_between_head_and_cleanup_loses_a_file() {
        let rules = Rules { windows: Windows { head_to_remove: true, ..ASSUMED.windows }, ..ASSUMED };
        breaks(&TABLE_ADDED, &rules, MISSING_FILE);
    }

    #[test]
    fn killed_plain_copy_with_other_settings_leaves_files() {
        let rules = Rules { residue: Residue { other_table: false, ..ASSUMED.residue }, ..ASSUMED };
        breaks(&TABLE_DROPPED, &rules, UNOWNED);
        // An Overwrite is delivered again as an Overwrite.
        holds(&[OVERWRITE_WHILE_DROPPED], &rules);
    }

    #[test]
    fn delete_removes_partitions_that_a_copy_registered() {
        let rules = Rules { residue: Residue { partitions: false, ..ASSUMED.residue }, ..ASSUMED };
        breaks(&DELETE, &rules, MISSING_PARTITION);
    }
}
