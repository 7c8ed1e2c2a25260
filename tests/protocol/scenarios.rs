//! What meets: the lake before, the messages, and what may go wrong.

use crate::copy::Message;
use crate::lake::{Lake, Settings};
use crate::world::{Budget, World};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The settings of an export that is committed.
    old: Option<Settings>,
    settings: Settings,
    messages: &'static [Message],
    budget: Budget,
}

const PLAIN: Message = Message::PLAIN;
const OVERWRITE: Message = Message::OVERWRITE;
const T: Settings = Settings::Timestamps;
const BOTH: Settings = Settings::Both;
/// One error may be delivered again, and nothing else goes wrong.
const CALM: Budget = Budget {
    kills: 0,
    twice: 0,
    hand_overs: 0,
    lost_replies: 0,
    refused_tokens: 0,
    retries: 1,
    change_to: None,
    expires: false,
    deletes: 0,
};

pub(crate) const COPIES: Scenario = Scenario {
    name: "two plain deliveries",
    old: None,
    settings: T,
    messages: &[PLAIN, PLAIN],
    budget: Budget { kills: 1, twice: 1, hand_overs: 2, lost_replies: 1, ..CALM },
};
pub(crate) const OVERWRITE_TWICE: Scenario = Scenario {
    name: "an Overwrite, delivered twice",
    old: Some(T),
    settings: T,
    messages: &[OVERWRITE],
    budget: Budget { kills: 1, twice: 1, hand_overs: 2, lost_replies: 1, ..CALM },
};
pub(crate) const OVERWRITE_AND_PLAIN: Scenario = Scenario {
    name: "an Overwrite and a plain delivery",
    messages: &[OVERWRITE, PLAIN],
    budget: Budget { kills: 1, twice: 1, hand_overs: 1, ..CALM },
    ..OVERWRITE_TWICE
};
pub(crate) const TWO_OVERWRITES: Scenario = Scenario {
    name: "two Overwrites of both tables",
    old: Some(BOTH),
    settings: BOTH,
    messages: &[OVERWRITE, OVERWRITE],
    budget: Budget { kills: 1, hand_overs: 2, ..CALM },
};
pub(crate) const EXPIRED: Scenario = Scenario {
    name: "results that expire",
    messages: &[PLAIN, OVERWRITE],
    budget: Budget { kills: 1, hand_overs: 2, expires: true, ..CALM },
    ..COPIES
};
pub(crate) const TABLE_DROPPED: Scenario = Scenario {
    name: "plain deliveries while a table is dropped",
    settings: BOTH,
    budget: Budget { kills: 1, hand_overs: 2, refused_tokens: 1, change_to: Some(T), ..CALM },
    ..COPIES
};
pub(crate) const TABLE_ADDED: Scenario = Scenario {
    name: "plain deliveries while a table is added",
    budget: Budget { kills: 1, hand_overs: 2, refused_tokens: 1, change_to: Some(BOTH), ..CALM },
    ..COPIES
};
pub(crate) const OVERWRITE_WHILE_DROPPED: Scenario = Scenario {
    name: "an Overwrite, delivered twice, while a table is dropped",
    old: Some(BOTH),
    settings: BOTH,
    budget: Budget { kills: 1, twice: 1, hand_overs: 1, change_to: Some(T), ..CALM },
    ..OVERWRITE_TWICE
};
pub(crate) const OVERWRITE_WHILE_ADDED: Scenario = Scenario {
    name: "an Overwrite and a plain delivery while a table is added",
    messages: &[OVERWRITE, PLAIN],
    budget: Budget { kills: 1, hand_overs: 2, change_to: Some(BOTH), ..CALM },
    ..OVERWRITE_TWICE
};
pub(crate) const DELETE: Scenario = Scenario {
    name: "`delete` beside two plain deliveries",
    budget: Budget { kills: 1, hand_overs: 1, deletes: 1, ..CALM },
    ..COPIES
};
pub(crate) const DELETE_AND_OVERWRITE: Scenario = Scenario {
    name: "`delete` beside an Overwrite and a plain delivery",
    messages: &[OVERWRITE, PLAIN],
    budget: Budget { hand_overs: 1, deletes: 1, ..CALM },
    ..OVERWRITE_TWICE
};

/// Too much to visit all of it.
pub(crate) const EVERYTHING: [Scenario; 2] = [
    Scenario {
        name: "everything, while a table is dropped",
        old: Some(T),
        settings: BOTH,
        messages: &[PLAIN, OVERWRITE, OVERWRITE],
        budget: Budget {
            kills: 2,
            twice: 2,
            hand_overs: 3,
            lost_replies: 1,
            refused_tokens: 1,
            retries: 3,
            change_to: Some(T),
            expires: false,
            deletes: 0,
        },
    },
    Scenario {
        name: "everything, and `delete`",
        old: None,
        settings: T,
        messages: &[PLAIN, PLAIN, OVERWRITE],
        budget: Budget {
            kills: 2,
            twice: 2,
            hand_overs: 3,
            lost_replies: 1,
            refused_tokens: 1,
            retries: 3,
            change_to: None,
            expires: false,
            deletes: 1,
        },
    },
];

impl Scenario {
    pub(crate) fn start(&self) -> World {
        World::new(self.old.map_or_else(Lake::default, Lake::committed), self.settings, self.messages, self.budget)
    }
}
