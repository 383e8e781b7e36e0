//! The slow, complete way to read one message: by serde, whatever the order of its keys. JSON uses it for everything
//! that is not a data message in the usual form, MessagePack for control messages, which are maps there.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Event, Kind, Merge, Message, name_key};

/// A row of MessagePack's symbol table: id, name, decimal places.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TableRow(pub u32, pub String, pub u8);

/// What a `subscribed` says that is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// MessagePack only: ids of the symbols.
    pub table: Option<Vec<TableRow>>,
    /// Offset of the cursor: the snapshot ends there, and what follows begins behind it.
    pub splice: Option<u64>,
}

/// An announced gap: `from..=to` will not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Symbol by name.
    pub symbol: String,
    /// Channel by name.
    pub channel: String,
    /// First missing number; 1 where the server does not know it.
    pub from: u64,
    /// Last missing number.
    pub to: u64,
    /// The server's reason.
    pub why: String,
}

/// A message that is not data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// The first message of a connection.
    Welcome,
    /// The subscription stands.
    Subscribed(Subscribed),
    /// Numbers that will not come.
    Gap(Gap),
    /// More rows of MessagePack's symbol table.
    Symbols(Vec<TableRow>),
    /// Sign of life.
    Heartbeat {
        /// Age of the oldest event that waits longer than it should, ms.
        behind_ms: u64,
        /// Everything up to this offset has been sent.
        sent: u64,
    },
    /// A request was refused.
    Error {
        /// From the contract's list.
        code: String,
        /// For people.
        msg: String,
    },
    /// A close follows.
    Bye {
        /// The close code that will be sent.
        code: u64,
    },
    /// A type of message that is of no interest here.
    Other,
}

/// Every key of every message that is looked at.
#[derive(Debug, Deserialize)]
pub(super) struct Wide<'a> {
    #[serde(rename = "T", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "S", borrow, default)]
    symbol: Option<Cow<'a, str>>,
    n0: Option<u64>,
    n: Option<u64>,
    o: Option<u64>,
    ts0: Option<i64>,
    ts: Option<i64>,
    snap: Option<u8>,
    p: Option<f64>,
    v: Option<u64>,
    d: Option<i8>,
    b: Option<f64>,
    #[serde(rename = "B")]
    bid_size: Option<u64>,
    a: Option<f64>,
    #[serde(rename = "A")]
    ask_size: Option<u64>,
    #[serde(rename = "O")]
    open: Option<f64>,
    #[serde(rename = "H")]
    high: Option<f64>,
    #[serde(rename = "L")]
    low: Option<f64>,
    c: Option<u64>,
    st: Option<Cow<'a, str>>,
    x: Option<bool>,
    i: Option<IgnoredAny>,
    ch: Option<Cow<'a, str>>,
    from: Option<u64>,
    to: Option<u64>,
    why: Option<Cow<'a, str>>,
    code: Option<Code<'a>>,
    msg: Option<Cow<'a, str>>,
    behind_ms: Option<u64>,
    sent: Option<u64>,
    cursor: Option<Cow<'a, str>>,
    epoch: Option<IgnoredAny>,
    table: Option<Vec<TableRow>>,
}

/// `error` has words for codes, `bye` numbers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Code<'a> {
    Number(u64),
    Word(#[serde(borrow)] Cow<'a, str>),
}

impl Wide<'_> {
    /// Whether it is a message that MessagePack sends as an array.
    pub(super) fn is_data(&self) -> bool {
        matches!(&*self.kind, "t" | "q" | "s" | "m" | "b")
    }

    /// The message, or `None` if something that it must have is missing.
    pub(super) fn message(self) -> Option<Message> {
        match &*self.kind {
            "t" => {
                self.p?;
                self.v?;
                self.aggressor()?;
                self.event(Kind::Trade, None)
            }
            "q" => {
                self.b.and(self.a)?;
                self.bid_size.and(self.ask_size)?;
                let kind = if self.n0.is_some() { Kind::MergedQuote } else { Kind::Quote };
                self.event(kind, None)
            }
            "s" => {
                self.st.as_ref()?;
                self.event(Kind::Status, None)
            }
            "m" => {
                self.v?;
                self.n0?;
                let merge = Merge {
                    first_ts_us: self.ts0?,
                    open: self.open?,
                    high: self.high?,
                    low: self.low?,
                    price: self.p?,
                    count: self.c?,
                };
                self.event(Kind::MergedTrades, Some(merge))
            }
            "b" => self.symbol.and(self.x).and(self.i).and(self.ts).map(|_| Message::Bar),
            _ => self.control().map(|control| Message::Control(Box::new(control))),
        }
    }

    fn aggressor(&self) -> Option<i8> {
        self.d.filter(|d| (-1..=1).contains(d))
    }

    fn event(&self, kind: Kind, merge: Option<Merge>) -> Option<Message> {
        let last_seq = self.n?;
        let merged = matches!(kind, Kind::MergedTrades | Kind::MergedQuote);
        Some(Message::Event(Event {
            kind,
            key: name_key(self.symbol.as_ref()?.as_bytes()),
            first_seq: if merged { self.n0? } else { last_seq },
            last_seq,
            offset: self.o?,
            ts_us: self.ts?,
            snapshot: self.snap.is_some_and(|snap| snap == 1),
            merge,
        }))
    }

    fn control(self) -> Option<Control> {
        Some(match &*self.kind {
            "welcome" => self.epoch.map(|_| Control::Welcome)?,
            "subscribed" => {
                let offset = |cursor: Cow<'_, str>| cursor.split_once(':')?.1.parse().ok();
                let splice = match self.cursor {
                    Some(cursor) => Some(offset(cursor)?),
                    None => None,
                };
                Control::Subscribed(Subscribed { table: self.table, splice })
            }
            "symbols" => Control::Symbols(self.table?),
            "gap" => Control::Gap(Gap {
                symbol: self.symbol?.into_owned(),
                channel: self.ch?.into_owned(),
                from: self.from?,
                to: self.to?,
                why: self.why?.into_owned(),
            }),
            "heartbeat" => Control::Heartbeat { behind_ms: self.behind_ms?, sent: self.sent? },
            "error" => Control::Error {
                code: match self.code? {
                    Code::Word(word) => word.into_owned(),
                    Code::Number(number) => number.to_string(),
                },
                msg: self.msg.unwrap_or_default().into_owned(),
            },
            "bye" => match self.code? {
                Code::Number(code) => Control::Bye { code },
                Code::Word(_) => return None,
            },
            _ => Control::Other,
        })
    }
}
