//! Model of the protocol: explores every order in which copies of an export, Overwrites, continuations, kills, a change
//! of settings and `label-lake delete` can overlap, and checks that no order breaks a promise.
//!
//! The decisions are the real ones of `label_lake::export::protocol`. The requests are modeled after `src/export`, one
//! per step; `tests/whole_program/order.rs` checks that the function makes them in the same order. The search is a
//! hundred lines (`explore.rs`); a model checker such as the crate stateright would add forty crates, an HTTP server
//! among them.
//!
//! This prints a violation with the steps that lead to it:
//! `cargo test --workspace --test protocol without_a_safeguard::continuation -- --nocapture`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::struct_excessive_bools, reason = "a state records what has happened")]

mod commit;
mod delete;
mod explore;
mod in_order;
mod invocation;
mod lake;
mod orders;
mod rules;
mod safeguards;
mod scenarios;
mod world;

use std::time::Instant;

use self::explore::{explore, run_random_schedule};
use self::rules::{
    AllowedLeftovers, MISSING_FILE, MISSING_PARTITION, NOT_OVERWRITTEN, RaceWindows, Rules, UNOWNED, VANISHED,
};
use self::safeguards::Safeguards;
use self::scenarios::{
    DELETE, DELETE_AND_OVERWRITE, EVERYTHING, EXPIRED, OVERWRITE_AND_PLAIN, OVERWRITE_TWICE, OVERWRITE_WHILE_ADDED,
    OVERWRITE_WHILE_DROPPED, Scenario, TABLE_ADDED, TABLE_DROPPED, TWO_OVERWRITES, TWO_PLAIN,
};

/// All safeguards, and S3 as it is: anything may happen between two requests.
const OPEN: Rules = Rules {
    safeguards: Safeguards::ALL,
    windows: RaceWindows { list_to_put: true, head_to_remove: true },
    leftovers: AllowedLeftovers { other_table: false, partitions: false },
    job_failed: false,
    unique_etags: false,
};
/// Rules for a change of settings or a deletion: the race windows are closed, and the leftovers that
/// `docs/SEMANTICS.md` lists are allowed.
const ASSUMED: Rules = Rules {
    windows: RaceWindows { list_to_put: false, head_to_remove: false },
    leftovers: AllowedLeftovers { other_table: true, partitions: true },
    ..OPEN
};
/// Random schedules of each scenario in [`EVERYTHING`].
const SCHEDULES: u64 = 40_000;

/// Asserts that no order of events breaks a promise.
fn assert_holds(scenarios: &[Scenario], rules: &Rules) {
    for scenario in scenarios {
        let began = Instant::now();
        let explored = explore(scenario.start(), rules);
        println!("{}: {} states, {:.1?}", scenario.name, explored.states, began.elapsed());
        assert!(explored.violation.is_none(), "{}: {}", scenario.name, explored.violation.unwrap());
        assert!(explored.final_states > 0, "{} never ends", scenario.name);
    }
}

/// Asserts that an order of events breaks this promise.
fn assert_breaks(scenario: &Scenario, rules: &Rules, promise: &str) {
    let explored = explore(scenario.start(), rules);
    let violation = explored.violation.unwrap_or_else(|| panic!("{} breaks no promise", scenario.name));
    println!("{}: {} states, then {violation}", scenario.name, explored.states);
    assert_eq!(violation.promise, promise);
}

/// Returns the rules with these safeguards only.
fn with(safeguards: Safeguards) -> Rules {
    Rules { safeguards, ..ASSUMED }
}

#[test]
fn copies_and_overwrites_keep_every_promise() {
    assert_holds(&[TWO_PLAIN, OVERWRITE_TWICE, OVERWRITE_AND_PLAIN, TWO_OVERWRITES, EXPIRED], &OPEN);
}

#[test]
fn unique_etags_keep_every_promise() {
    assert_holds(&[OVERWRITE_TWICE, TWO_OVERWRITES], &Rules { unique_etags: true, ..OPEN });
}

#[test]
fn failed_job_keeps_every_promise() {
    assert_holds(
        &[TWO_PLAIN, OVERWRITE_TWICE, OVERWRITE_AND_PLAIN, TWO_OVERWRITES],
        &Rules { job_failed: true, ..OPEN },
    );
}

#[test]
fn settings_change_keeps_the_promises_outside_the_race_windows() {
    assert_holds(&[TABLE_DROPPED, TABLE_ADDED, OVERWRITE_WHILE_DROPPED, OVERWRITE_WHILE_ADDED], &ASSUMED);
}

#[test]
fn delete_keeps_the_promises_outside_the_race_windows() {
    assert_holds(&[DELETE, DELETE_AND_OVERWRITE], &ASSUMED);
}

#[test]
fn random_schedules_keep_the_promises_outside_the_race_windows() {
    for scenario in EVERYTHING {
        for seed in 0..SCHEDULES {
            let mut random = fastrand::Rng::with_seed(seed);
            if let Some(violation) = run_random_schedule(scenario.start(), &ASSUMED, &mut random) {
                panic!("{}, seed {seed}: {violation}", scenario.name);
            }
        }
        println!("{}: {SCHEDULES} schedules", scenario.name);
    }
}

/// Each safeguard is needed: without it, a promise is broken.
mod without_a_safeguard {
    use super::*;

    #[test]
    fn continuation_that_does_not_say_replaces_leaves_unowned_files() {
        assert_breaks(
            &OVERWRITE_TWICE,
            &with(Safeguards { continuation_says_replaces: false, ..Safeguards::ALL }),
            UNOWNED,
        );
    }

    #[test]
    fn refused_commit_taken_for_a_success_loses_the_overwrite() {
        let safeguards = Safeguards { row_is_replaced: false, ..Safeguards::ALL };
        assert_breaks(&OVERWRITE_AND_PLAIN, &with(safeguards), NOT_OVERWRITTEN);
        assert_breaks(&OVERWRITE_AND_PLAIN, &Rules { job_failed: true, ..with(safeguards) }, NOT_OVERWRITTEN);
        // Without a second safeguard, the other table's files are also removed before the commit.
        assert_breaks(
            &TABLE_DROPPED,
            &with(Safeguards { other_table_removed_last: false, ..safeguards }),
            MISSING_FILE,
        );
    }

    #[test]
    fn checkpoint_deleted_before_the_commit_loses_the_job() {
        assert_breaks(&EXPIRED, &with(Safeguards { checkpoint_outlives_commit: false, ..Safeguards::ALL }), VANISHED);
    }

    #[test]
    fn commit_without_listing_files_lacks_a_file() {
        assert_breaks(&DELETE, &with(Safeguards { files_are_listed: false, ..Safeguards::ALL }), MISSING_FILE);
    }

    #[test]
    fn ignored_checkpoint_of_other_settings_leaves_unowned_files() {
        assert_breaks(
            &TABLE_DROPPED,
            &with(Safeguards { unusable_checkpoint_replaces: false, ..Safeguards::ALL }),
            UNOWNED,
        );
    }

    #[test]
    fn losing_copy_that_does_not_clean_up_leaves_unowned_files() {
        assert_breaks(&TABLE_DROPPED, &with(Safeguards { loser_cleans_up: false, ..Safeguards::ALL }), UNOWNED);
    }

    #[test]
    fn removing_another_table_before_the_commit_loses_a_file() {
        assert_breaks(
            &TABLE_DROPPED,
            &with(Safeguards { other_table_removed_last: false, ..Safeguards::ALL }),
            MISSING_FILE,
        );
    }

    #[test]
    fn overwrite_that_cannot_resume_without_results_loses_the_job() {
        assert_breaks(&EXPIRED, &with(Safeguards { checkpoint_outlives_results: false, ..Safeguards::ALL }), VANISHED);
    }
}

/// Unavoidable inconsistencies: each race window and leftover that `docs/SEMANTICS.md` lists can be reached.
mod residual {
    use super::*;

    #[test]
    fn deletion_between_listing_and_commit_loses_a_file() {
        let rules = Rules { windows: RaceWindows { list_to_put: true, ..ASSUMED.windows }, ..ASSUMED };
        assert_breaks(&DELETE, &rules, MISSING_FILE);
        assert_breaks(&TABLE_ADDED, &rules, MISSING_FILE);
    }

    #[test]
    fn commit_between_head_and_cleanup_loses_a_file() {
        let rules = Rules { windows: RaceWindows { head_to_remove: true, ..ASSUMED.windows }, ..ASSUMED };
        assert_breaks(&TABLE_ADDED, &rules, MISSING_FILE);
    }

    #[test]
    fn killed_plain_copy_with_other_settings_leaves_files() {
        let rules = Rules { leftovers: AllowedLeftovers { other_table: false, ..ASSUMED.leftovers }, ..ASSUMED };
        assert_breaks(&TABLE_DROPPED, &rules, UNOWNED);
        // An Overwrite leaves none: it is redelivered as an Overwrite.
        assert_holds(&[OVERWRITE_WHILE_DROPPED], &rules);
    }

    #[test]
    fn delete_removes_partitions_that_a_copy_registered() {
        let rules = Rules { leftovers: AllowedLeftovers { partitions: false, ..ASSUMED.leftovers }, ..ASSUMED };
        assert_breaks(&DELETE, &rules, MISSING_PARTITION);
    }
}
