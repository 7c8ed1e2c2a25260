//! Goals of the pacing rule, and the table of crowds in bench/RESULTS.md. Figures are means over seeds.

use label_lake::rekognition::pace::Pace;

use crate::support::crowd::{Crowd, Measured};
use crate::support::pacing_rules::Doubling;

/// Runs of each crowd in a test, each with its own seed.
const SEEDS: u64 = 20;

/// Returns jobs with a random number of pages each.
fn random_jobs(jobs: usize, quota: f64) -> Crowd {
    Crowd { jobs, quota, ..Crowd::default() }
}

/// Returns jobs with the same number of pages each.
fn equal_jobs(jobs: usize, pages: usize, quota: f64) -> Crowd {
    Crowd { pages: pages..=pages, ..random_jobs(jobs, quota) }
}

/// Returns jobs whose pages arrive faster than the quota allows calls. A single job could use up the quota.
fn short_page_jobs(jobs: usize) -> Crowd {
    Crowd { page: 0.02..0.06, ..random_jobs(jobs, 5.0) }
}

/// Returns 100 jobs behind a queue with this maximum concurrency.
fn behind_the_queue(concurrency: usize, quota: f64) -> Crowd {
    Crowd { concurrency, ..random_jobs(100, quota) }
}

/// Returns one job that runs for four minutes while other traffic causes this share of its calls to be refused.
fn with_other_traffic(background_refusals: f64) -> Crowd {
    Crowd { background_refusals, stop_after: 240.0, ..equal_jobs(1, 1000, 20.0) }
}

#[test]
fn crowd_uses_its_quota_with_few_excess_calls() {
    for quota in [5.0, 20.0] {
        for (jobs, max_calls_per_page) in [(2, 1.45), (5, 1.45), (10, 1.45), (20, 1.45), (50, 1.7)] {
            let measured = random_jobs(jobs, quota).measure::<Pace>(SEEDS);
            assert!(measured.used >= 0.86, "{jobs} jobs, {quota} calls a second: {measured:?}");
            assert!(measured.calls_per_page <= max_calls_per_page, "{jobs} jobs, {quota} calls a second: {measured:?}");
            assert_eq!(measured.incomplete, 0);
        }
    }
}

#[test]
fn three_page_jobs_do_as_well_as_with_the_earlier_rule() {
    for (jobs, quota) in [(3, 5.0), (8, 5.0), (20, 5.0), (50, 5.0), (20, 20.0), (50, 20.0)] {
        let crowd = equal_jobs(jobs, 3, quota);
        let (before, after) = (crowd.measure::<Doubling>(SEEDS), crowd.measure::<Pace>(SEEDS));
        assert!(after.used >= before.used - 0.05, "{jobs} jobs: {before:?} → {after:?}");
        assert!(after.calls_per_page <= before.calls_per_page, "{jobs} jobs: {before:?} → {after:?}");
    }
}

#[test]
fn short_pages_let_no_job_capture_the_quota() {
    for jobs in [3, 10, 20] {
        let crowd = short_page_jobs(jobs);
        let (before, after) = (crowd.measure::<Doubling>(SEEDS), crowd.measure::<Pace>(SEEDS));
        assert!(after.used >= before.used, "{before:?} → {after:?}");
        assert!(after.longest_wait <= before.longest_wait.min(85.0), "{before:?} → {after:?}");
    }
}

/// Uses the `MaximumConcurrency` that docs/OPERATIONS.md recommends.
#[test]
fn jobs_behind_the_queue_use_nearly_all_of_their_quota() {
    for (concurrency, quota) in [(3, 5.0), (12, 20.0)] {
        let measured = behind_the_queue(concurrency, quota).measure::<Pace>(SEEDS);
        assert!(measured.used >= 0.96 && measured.calls_per_page <= 1.25, "{quota} calls a second: {measured:?}");
    }
}

#[test]
fn job_keeps_calling_while_other_traffic_exhausts_the_quota() {
    let measured = with_other_traffic(0.8).measure::<Pace>(100);
    assert!(measured.sent >= 100.0, "{measured:?}");
    let job = Crowd { stop_after: 3600.0, pages: 30..=30, ..with_other_traffic(0.8) };
    assert_eq!(job.measure::<Pace>(100).incomplete, 0);
}

#[test]
fn lone_job_with_a_free_quota_never_pauses() {
    let measured = Crowd { page: 0.3..0.3, ..equal_jobs(1, 1000, 5.0) }.measure::<Pace>(1);
    assert!((measured.used - 1.0).abs() < 1e-3 && measured.calls_per_page <= 1.0, "{measured:?}");
}

/// Shows that the goals tell the two rules apart.
#[test]
fn earlier_rule_misses_the_goals() {
    assert!(random_jobs(10, 5.0).measure::<Doubling>(SEEDS).used < 0.8);
    assert!(random_jobs(20, 20.0).measure::<Doubling>(SEEDS).used < 0.75);
    assert!(equal_jobs(20, 10, 5.0).measure::<Doubling>(SEEDS).used < 0.75);
    assert!(behind_the_queue(12, 20.0).measure::<Doubling>(SEEDS).used < 0.93);
    assert!(with_other_traffic(0.8).measure::<Doubling>(SEEDS).sent < 30.0);
}

#[test]
#[ignore = "long: prints the table of crowds in bench/RESULTS.md"]
fn table_of_crowds() {
    let pages = "10–60";
    for quota in [5.0, 20.0] {
        for jobs in [2, 3, 5, 10, 20, 50, 100] {
            row("direct", quota, pages, &random_jobs(jobs, quota));
        }
        for (jobs, pages) in [(20, 10), (50, 20), (3, 3), (8, 3), (20, 3), (50, 3)] {
            row("direct", quota, &pages.to_string(), &equal_jobs(jobs, pages, quota));
        }
    }
    for jobs in [3, 10, 20] {
        row("direct, pages of 40 ms", 5.0, pages, &short_page_jobs(jobs));
    }
    for (concurrency, quota) in [(2, 5.0), (3, 5.0), (5, 5.0), (12, 5.0), (10, 20.0), (12, 20.0), (20, 20.0)] {
        row(&format!("queue, {concurrency} concurrent"), quota, pages, &behind_the_queue(concurrency, quota));
    }
    for background_refusals in [0.5, 0.7, 0.8, 0.9] {
        let crowd = with_other_traffic(background_refusals);
        let (before, after) = (crowd.measure::<Doubling>(400).sent, crowd.measure::<Pace>(400).sent);
        println!("| {:.0} % | {before:.0} | {after:.0} |", background_refusals * 100.0);
    }
}

/// Prints a row of the table.
fn row(mode: &str, quota: f64, pages: &str, crowd: &Crowd) {
    let figures = |measured: Measured| {
        let Measured { used, calls_per_page, longest_wait, .. } = measured;
        format!("{:.0}% | {calls_per_page:.2} | {longest_wait:.0}", used * 100.0)
    };
    let (before, after) = (figures(crowd.measure::<Doubling>(100)), figures(crowd.measure::<Pace>(100)));
    println!("| {mode} | {quota} | {} | {pages} | {before} | {after} |", crowd.jobs);
}
