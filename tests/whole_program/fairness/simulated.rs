//! The goals of the pace, and the table of crowds in bench/RESULTS.md. Figures are means over seeds.

use label_lake::rekognition::pace::Pace;

use super::crowd::{Crowd, Measured};
use super::rules::Doubling;

/// Runs of each crowd in a test.
const SEEDS: u64 = 20;

fn mixed(jobs: usize, quota: f64) -> Crowd {
    Crowd { jobs, quota, ..Crowd::default() }
}

fn of_pages(jobs: usize, pages: usize, quota: f64) -> Crowd {
    Crowd { pages: pages..=pages, ..mixed(jobs, quota) }
}

/// Pages that take less time than the quota has between two calls: one job alone could use it up.
fn of_short_pages(jobs: usize) -> Crowd {
    Crowd { page: 0.02..0.06, ..mixed(jobs, 5.0) }
}

fn behind_the_queue(at_once: usize, quota: f64) -> Crowd {
    Crowd { at_once, ..mixed(100, quota) }
}

/// One job, for four minutes, beside traffic that takes this share of its calls.
fn beside_traffic(refused_anyway: f64) -> Crowd {
    Crowd { refused_anyway, stop_after: 240.0, ..of_pages(1, 1000, 20.0) }
}

#[test]
fn crowd_uses_its_quota_with_few_excess_calls() {
    for quota in [5.0, 20.0] {
        for (jobs, most_sent) in [(2, 1.45), (5, 1.45), (10, 1.45), (20, 1.45), (50, 1.7)] {
            let measured = mixed(jobs, quota).measure::<Pace>(SEEDS);
            assert!(measured.used >= 0.86, "{jobs} jobs, {quota} calls a second: {measured:?}");
            assert!(measured.sent_a_served <= most_sent, "{jobs} jobs, {quota} calls a second: {measured:?}");
            assert_eq!(measured.incomplete, 0);
        }
    }
}

#[test]
fn three_page_jobs_do_as_well_as_with_the_earlier_rule() {
    for (jobs, quota) in [(3, 5.0), (8, 5.0), (20, 5.0), (50, 5.0), (20, 20.0), (50, 20.0)] {
        let crowd = of_pages(jobs, 3, quota);
        let (before, after) = (crowd.measure::<Doubling>(SEEDS), crowd.measure::<Pace>(SEEDS));
        assert!(after.used >= before.used - 0.05, "{jobs} jobs: {before:?} → {after:?}");
        assert!(after.sent_a_served <= before.sent_a_served, "{jobs} jobs: {before:?} → {after:?}");
    }
}

#[test]
fn short_pages_let_no_job_capture_the_quota() {
    for jobs in [3, 10, 20] {
        let crowd = of_short_pages(jobs);
        let (before, after) = (crowd.measure::<Doubling>(SEEDS), crowd.measure::<Pace>(SEEDS));
        assert!(after.used >= before.used, "{before:?} → {after:?}");
        assert!(after.longest_wait <= before.longest_wait.min(85.0), "{before:?} → {after:?}");
    }
}

/// With the `MaximumConcurrency` that docs/OPERATIONS.md recommends.
#[test]
fn jobs_behind_the_queue_use_nearly_all_of_their_quota() {
    for (at_once, quota) in [(3, 5.0), (12, 20.0)] {
        let measured = behind_the_queue(at_once, quota).measure::<Pace>(SEEDS);
        assert!(measured.used >= 0.96 && measured.sent_a_served <= 1.25, "{quota} calls a second: {measured:?}");
    }
}

#[test]
fn job_keeps_calling_while_other_traffic_exhausts_the_quota() {
    let measured = beside_traffic(0.8).measure::<Pace>(100);
    assert!(measured.sent >= 100.0, "{measured:?}");
    let job = Crowd { stop_after: 3600.0, pages: 30..=30, ..beside_traffic(0.8) };
    assert_eq!(job.measure::<Pace>(100).incomplete, 0);
}

#[test]
fn lone_job_with_a_free_quota_never_pauses() {
    let measured = Crowd { page: 0.3..0.3, ..of_pages(1, 1000, 5.0) }.measure::<Pace>(1);
    assert!((measured.used - 1.0).abs() < 1e-3 && measured.sent_a_served <= 1.0, "{measured:?}");
}

/// The goals tell the rules apart.
#[test]
fn earlier_rule_misses_the_goals() {
    assert!(mixed(10, 5.0).measure::<Doubling>(SEEDS).used < 0.8);
    assert!(mixed(20, 20.0).measure::<Doubling>(SEEDS).used < 0.75);
    assert!(of_pages(20, 10, 5.0).measure::<Doubling>(SEEDS).used < 0.75);
    assert!(behind_the_queue(12, 20.0).measure::<Doubling>(SEEDS).used < 0.93);
    assert!(beside_traffic(0.8).measure::<Doubling>(SEEDS).sent < 30.0);
}

#[test]
#[ignore = "long: prints the table of crowds in bench/RESULTS.md"]
fn table_of_crowds() {
    let pages = "10–60";
    for quota in [5.0, 20.0] {
        for jobs in [2, 3, 5, 10, 20, 50, 100] {
            row("direct", quota, pages, &mixed(jobs, quota));
        }
        for (jobs, pages) in [(20, 10), (50, 20), (3, 3), (8, 3), (20, 3), (50, 3)] {
            row("direct", quota, &pages.to_string(), &of_pages(jobs, pages, quota));
        }
    }
    for jobs in [3, 10, 20] {
        row("direct, pages of 40 ms", 5.0, pages, &of_short_pages(jobs));
    }
    for (at_once, quota) in [(2, 5.0), (3, 5.0), (5, 5.0), (12, 5.0), (10, 20.0), (12, 20.0), (20, 20.0)] {
        row(&format!("queue, {at_once} at once"), quota, pages, &behind_the_queue(at_once, quota));
    }
    for refused_anyway in [0.5, 0.7, 0.8, 0.9] {
        let crowd = beside_traffic(refused_anyway);
        let (before, after) = (crowd.measure::<Doubling>(400).sent, crowd.measure::<Pace>(400).sent);
        println!("| {:.0} % | {before:.0} | {after:.0} |", refused_anyway * 100.0);
    }
}

fn row(mode: &str, quota: f64, pages: &str, crowd: &Crowd) {
    let figures = |measured: Measured| {
        let Measured { used, sent_a_served, longest_wait, .. } = measured;
        format!("{:.0}% | {sent_a_served:.2} | {longest_wait:.0}", used * 100.0)
    };
    let (before, after) = (figures(crowd.measure::<Doubling>(100)), figures(crowd.measure::<Pace>(100)));
    println!("| {mode} | {quota} | {} | {pages} | {before} | {after} |", crowd.jobs);
}
