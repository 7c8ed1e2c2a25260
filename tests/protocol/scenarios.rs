//! Scenarios to explore: the lake before, the messages, and the faults and changes that may happen.

use crate::invocation::Message;
use crate::lake::{Lake, Settings};
use crate::world::{Budget, World};

/// Start of an exploration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Settings of an earlier export that is committed.
    old: Option<Settings>,
    settings: Settings,
    messages: &'static [Message],
    budget: Budget,
}

const PLAIN: Message = Message::PLAIN;
const OVERWRITE: Message = Message::OVERWRITE;
const ONE_TABLE: Settings = Settings::Timestamps;
const BOTH_TABLES: Settings = Settings::Both;
/// Allows one retry after an error, and no other fault.
const BASE: Budget = Budget {
    kills: 0,
    duplicates: 0,
    handovers: 0,
    lost_replies: 0,
    refused_tokens: 0,
    retries: 1,
    new_settings: None,
    expires: false,
    deletes: 0,
};

pub(crate) const TWO_PLAIN: Scenario = Scenario {
    name: "two plain deliveries",
    old: None,
    settings: ONE_TABLE,
    messages: &[PLAIN, PLAIN],
    budget: Budget { kills: 1, duplicates: 1, handovers: 2, lost_replies: 1, ..BASE },
};
pub(crate) const OVERWRITE_TWICE: Scenario = Scenario {
    name: "an Overwrite delivered twice",
    old: Some(ONE_TABLE),
    settings: ONE_TABLE,
    messages: &[OVERWRITE],
    budget: Budget { kills: 1, duplicates: 1, handovers: 2, lost_replies: 1, ..BASE },
};
pub(crate) const OVERWRITE_AND_PLAIN: Scenario = Scenario {
    name: "an Overwrite and a plain delivery",
    messages: &[OVERWRITE, PLAIN],
    budget: Budget { kills: 1, duplicates: 1, handovers: 1, ..BASE },
    ..OVERWRITE_TWICE
};
pub(crate) const TWO_OVERWRITES: Scenario = Scenario {
    name: "two Overwrites of both tables",
    old: Some(BOTH_TABLES),
    settings: BOTH_TABLES,
    messages: &[OVERWRITE, OVERWRITE],
    budget: Budget { kills: 1, handovers: 2, ..BASE },
};
pub(crate) const EXPIRED: Scenario = Scenario {
    name: "a plain delivery and an Overwrite whose results expire",
    messages: &[PLAIN, OVERWRITE],
    budget: Budget { kills: 1, handovers: 2, expires: true, ..BASE },
    ..TWO_PLAIN
};
pub(crate) const TABLE_DROPPED: Scenario = Scenario {
    name: "plain deliveries while a table is dropped",
    settings: BOTH_TABLES,
    budget: Budget { kills: 1, handovers: 2, refused_tokens: 1, new_settings: Some(ONE_TABLE), ..BASE },
    ..TWO_PLAIN
};
pub(crate) const TABLE_ADDED: Scenario = Scenario {
    name: "plain deliveries while a table is added",
    budget: Budget { kills: 1, handovers: 2, refused_tokens: 1, new_settings: Some(BOTH_TABLES), ..BASE },
    ..TWO_PLAIN
};
pub(crate) const OVERWRITE_WHILE_DROPPED: Scenario = Scenario {
    name: "an Overwrite delivered twice while a table is dropped",
    old: Some(BOTH_TABLES),
    settings: BOTH_TABLES,
    budget: Budget { kills: 1, duplicates: 1, handovers: 1, new_settings: Some(ONE_TABLE), ..BASE },
    ..OVERWRITE_TWICE
};
pub(crate) const OVERWRITE_WHILE_ADDED: Scenario = Scenario {
    name: "an Overwrite and a plain delivery while a table is added",
    messages: &[OVERWRITE, PLAIN],
    budget: Budget { kills: 1, handovers: 2, new_settings: Some(BOTH_TABLES), ..BASE },
    ..OVERWRITE_TWICE
};
pub(crate) const DELETE: Scenario = Scenario {
    name: "`delete` concurrent with two plain deliveries",
    budget: Budget { kills: 1, handovers: 1, deletes: 1, ..BASE },
    ..TWO_PLAIN
};
pub(crate) const DELETE_AND_OVERWRITE: Scenario = Scenario {
    name: "`delete` concurrent with an Overwrite and a plain delivery",
    messages: &[OVERWRITE, PLAIN],
    budget: Budget { handovers: 1, deletes: 1, ..BASE },
    ..OVERWRITE_TWICE
};

/// Scenarios with too many states to visit all of them. They are run with random schedules.
pub(crate) const EVERYTHING: [Scenario; 2] = [
    Scenario {
        name: "everything while a table is dropped",
        old: Some(ONE_TABLE),
        settings: BOTH_TABLES,
        messages: &[PLAIN, OVERWRITE, OVERWRITE],
        budget: Budget {
            kills: 2,
            duplicates: 2,
            handovers: 3,
            lost_replies: 1,
            refused_tokens: 1,
            retries: 3,
            new_settings: Some(ONE_TABLE),
            expires: false,
            deletes: 0,
        },
    },
    Scenario {
        name: "everything with `delete`",
        old: None,
        settings: ONE_TABLE,
        messages: &[PLAIN, PLAIN, OVERWRITE],
        budget: Budget {
            kills: 2,
            duplicates: 2,
            handovers: 3,
            lost_replies: 1,
            refused_tokens: 1,
            retries: 3,
            new_settings: None,
            expires: false,
            deletes: 1,
        },
    },
];

impl Scenario {
    /// Returns the initial state.
    pub(crate) fn start(&self) -> World {
        World::new(self.old.map_or_else(Lake::default, Lake::committed), self.settings, self.messages, self.budget)
    }
}
