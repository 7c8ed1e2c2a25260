//! Checks that the model makes its requests in the order of `orders.rs`.

use crate::OPEN;
use crate::invocation::{Message, Next};
use crate::lake::{Checkpoint, Lake, Settings, Table};
use crate::orders::{CONTINUATION, OVERWRITE, Order, PLAIN};
use crate::world::{Budget, Step, World};

/// Continuation of an Overwrite.
const REPLACING: Message = Message { replaces: true, continuation: true, ..Message::PLAIN };

/// Returns a step's request in the format of `orders.rs`, or `None` if it is not a request to S3.
fn request(step: Step) -> Option<String> {
    let (operation, folder) = match step {
        Step::Deliver(message, _) if message.overwrite => ("DeleteObject", "jobs"),
        Step::Deliver(..) => ("HeadObject", "jobs"),
        Step::Request(_, _, next) => match next {
            Next::LoadCheckpoint => ("GetObject", "_checkpoints"),
            Next::DeleteOldCheckpoint | Next::DeleteCheckpoint => ("DeleteObject", "_checkpoints"),
            Next::PutFile => ("PutObject", "label_detections"),
            Next::HeadRow | Next::CompareRow | Next::HeadRowBeforeCleanup(_) => ("HeadObject", "jobs"),
            Next::List(table) | Next::ListUnclaimed(table) => ("ListObjectsV2", name(table)),
            Next::RemoveStaleFiles(_) | Next::RemoveUnclaimedFiles(_) => ("DeleteObjects", ""),
            Next::PutRow => ("PutObject", "jobs"),
            Next::SaveRestart => ("PutObject", "_checkpoints"),
            // Requests to Glue and Lambda.
            Next::Register
            | Next::RemoveStalePartitions
            | Next::RemoveUnclaimedPartitions(_)
            | Next::SendContinuation => return None,
        },
        _ => panic!("{step:?} is not a request"),
    };
    Some(format!("{operation} {folder}").trim_end().to_owned())
}

fn name(table: Table) -> &'static str {
    match table {
        Table::Detections => "label_detections",
        Table::Segments => "label_segments",
    }
}

/// Processes one message alone, and returns its requests and the lake after it.
fn process(lake: Lake, message: Message) -> (Vec<String>, Lake) {
    let mut world = World::new(lake, Settings::Timestamps, &[message], Budget::default());
    let mut requests = Vec::new();
    while !world.is_quiet() {
        let mut only = None;
        world
            .steps(&OPEN, &mut |step, next| assert!(only.replace((step, next)).is_none(), "only one step is possible"));
        let (step, next) = only.expect("a step is possible");
        requests.extend(request(step));
        world = next;
    }
    (requests, world.lake)
}

fn assert_order(lake: Lake, message: Message, order: Order) {
    assert_eq!(process(lake, message).0, order, "{message:?}");
}

#[test]
fn plain_export_makes_requests_in_order() {
    assert_order(Lake::default(), Message::PLAIN, PLAIN);
}

#[test]
fn overwrite_makes_requests_in_order() {
    assert_order(Lake::committed(Settings::Timestamps), Message::OVERWRITE, OVERWRITE);
}

#[test]
fn replacing_continuation_makes_requests_in_order() {
    let old = Lake { row: None, ..Lake::committed(Settings::Timestamps) };
    let (_, committed) = process(old, Message::PLAIN);
    let checkpoint = Some(Checkpoint { settings: Some(Settings::Timestamps), replaces: true, done: 1 });
    assert_order(Lake { checkpoint, ..committed }, REPLACING, CONTINUATION);
}
