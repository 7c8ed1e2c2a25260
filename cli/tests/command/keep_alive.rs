//! TCP keep-alive while a function runs.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::{Duration, Instant};

use rekognition_simulator::{Fault, Gate, Simulator};

use crate::account::{Account, job, wait};

/// Number of the keep-alive timer in `/proc/net/tcp`.
const KEEP_ALIVE: &str = "02";
/// Time until NAT gateways drop an idle connection.
const NAT_GATEWAY: Duration = Duration::from_secs(350);
/// Length of the unit of the timers in `/proc/net/tcp`.
const TICK: Duration = Duration::from_millis(10);

/// Returns the time until TCP probes the connection from this machine to `port`, if a keep-alive timer runs.
fn next_probe(port: u16) -> Option<Duration> {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().skip(1).find_map(|socket| {
        // Number, local address, remote address, state, queues, timer and its remaining time.
        let fields: Vec<_> = socket.split_whitespace().collect();
        let (timer, left) = fields[5].split_once(':').unwrap();
        let is_client = fields[2].ends_with(&format!(":{port:04X}"));
        (is_client && timer == KEEP_ALIVE).then(|| TICK * u32::from_str_radix(left, 16).unwrap())
    })
}

#[tokio::test]
async fn a_connection_is_probed_while_the_function_runs() {
    let gate = Gate::new();
    let hold = Fault::on("GetLabelDetection").hold(gate.clone());
    let account = Account::start(Simulator::builder().job("job-1", job(2)).fault(hold), &[]).await;
    let process = account.spawn(&["backfill", "--function", "label-lake", "job-1"]);
    gate.reached().await;
    let url = account.simulator.lambda_url();
    let port = url.rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let started = Instant::now();
    // The timer starts when the request is acknowledged.
    let next = loop {
        if let Some(next) = next_probe(port) {
            break next;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "no keep-alive timer runs");
        tokio::task::yield_now().await;
    };
    assert!(next < NAT_GATEWAY / 2, "{next:?}");
    gate.release();
    let output = wait(process).await;
    assert_eq!((output.code, &*output.stdout), (Some(0), "1 job: 1 EXPORTED\n"), "{}", output.stderr);
}
