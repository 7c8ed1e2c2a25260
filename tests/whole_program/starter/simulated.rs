//! Goals of the starter's policy, in virtual time, and the table of accounts in docs/ARCHITECTURE.md.

use super::world::{Account, Measured};

/// Runs of each account, each with its own seed.
const SEEDS: u64 = 10;

fn account(videos: usize) -> Account {
    Account { videos, ..Account::default() }
}

/// Returns an account in which another program holds 15 of the 20 slots.
fn shared(videos: usize) -> Account {
    Account { held: 15, ..account(videos) }
}

/// Runs an account, prints its row, and checks that each video has one job.
fn measure(name: &str, account: &Account, seeds: u64) -> Measured {
    let measured = account.measure(seeds);
    let Measured { used, used_while_waiting, calls_per_start, most_receives, took, .. } = measured;
    println!(
        "| {name} | {} | {:.0} % | {:.1} % | {calls_per_start:.2} | {most_receives:.1} | {:.1} h |",
        account.videos,
        used * 100.0,
        used_while_waiting * 100.0,
        took / 3600.0
    );
    assert_eq!((measured.jobs, measured.lost), (account.videos * seeds as usize, 0), "{account:?}");
    measured
}

#[test]
fn slots_are_used_with_few_calls() {
    for videos in [1000, 5000] {
        let measured = measure("alone", &account(videos), SEEDS);
        assert!(measured.used >= 0.95, "{measured:?}");
        assert!(measured.calls_per_start <= 1.5, "{measured:?}");
        assert!(measured.most_receives <= 5.0, "{measured:?}");
    }
}

#[test]
fn slots_that_another_program_leaves_are_used() {
    for videos in [100, 1000] {
        let measured = measure("15 slots held", &shared(videos), SEEDS);
        assert!(measured.used >= 0.9, "{measured:?}");
        assert!(measured.calls_per_start <= 2.0, "{measured:?}");
    }
}

#[test]
fn lost_completion_messages_cost_little() {
    let account = Account { lost_completions: 0.1, ..account(1000) };
    let measured = measure("1 of 10 completions lost", &account, SEEDS);
    assert!(measured.lost_messages > 900);
    assert!(measured.used >= 0.93 && measured.calls_per_start <= 1.5, "{measured:?}");
}

/// Each event is delivered three times, and starters, completion messages and replies are lost.
#[test]
fn each_video_has_one_job_whatever_is_lost_or_repeated() {
    for account in [account(1000), shared(200)] {
        let account = Account {
            copies: 3,
            arrive_within: 600.0,
            crashes: 0.02,
            lost_completions: 0.1,
            lost_replies: 0.05,
            ..account
        };
        let measured = measure("all faults", &account, 5);
        assert!(measured.crashes > 100 && measured.lost_messages > 100, "{measured:?}");
    }
}

/// The starter dies before and after each of its calls.
#[test]
fn each_video_has_one_job_after_a_crash_at_any_call() {
    let account = Account { copies: 3, slots: 8, job: 30.0..90.0, ..account(30) };
    let calls = account.run(1).calls;
    assert!(calls > 3 * 3 * 30);
    for number in 1..=calls {
        for after in [false, true] {
            let measured = Account { crash_at: Some((number, after)), ..account.clone() }.run(1);
            assert_eq!((measured.jobs, measured.lost, measured.crashes), (30, 0, 1), "call {number}, {after}");
        }
    }
}

/// Shows that the goals tell policies apart.
#[test]
fn calls_for_a_start_double_without_the_pause_after_a_refusal() {
    let measured = measure("15 slots held, no pause", &Account { cold: true, ..shared(1000) }, 2);
    assert!(measured.calls_per_start > 2.3, "{measured:?}");
}

/// A completion message may arrive before the slot of its job is free.
#[test]
fn slots_that_are_free_late_are_used() {
    let account = Account { slot_delay: 2.5, ..account(1000) };
    let measured = measure("slot free after 2.5 s", &account, 3);
    assert!(measured.used >= 0.9 && measured.calls_per_start <= 2.5, "{measured:?}");
}

#[test]
#[ignore = "long: prints the table of accounts in docs/ARCHITECTURE.md"]
fn table_of_accounts() {
    for videos in [20, 100, 1000, 5000] {
        measure("alone", &account(videos), 20);
    }
    for videos in [100, 1000] {
        measure("15 of 20 slots held", &shared(videos), 20);
        measure("15 held, cold", &Account { cold: true, ..shared(videos) }, 20);
    }
    measure("100 slots", &Account { slots: 100, ..account(5000) }, 20);
    measure("equal jobs", &Account { job: 480.0..480.1, ..account(1000) }, 20);
    measure("cold", &Account { cold: true, ..account(1000) }, 20);
    measure("completions lost", &Account { lost_completions: 0.1, ..account(1000) }, 20);
    measure("all completions lost", &Account { lost_completions: 1.0, ..account(1000) }, 20);
    measure("events tripled", &Account { copies: 3, ..account(1000) }, 20);
    for slot_delay in [1.0, 2.5, 5.0, 60.0] {
        measure(&format!("slot free after {slot_delay} s"), &Account { slot_delay, ..account(1000) }, 20);
    }
}
