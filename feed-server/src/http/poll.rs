//! `GET /v1/poll`: what has happened since a cursor, now, even if nothing. From the shard's own newest events and the
//! market's history up to the shard's position, so that a cursor means the same as on a socket.

use feed_protocol::{Cursor, Event, EventChannel, Format, Mode, Record, Subscribe};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};

use super::answer::{Answer, Rejected, json, with_status};
use super::query::{DataQuery, Query, cursor_of_etag, etag};
use crate::connection::names::{Names, topics_of};
use crate::connection::sink::ClientSink;
use crate::market::SeenBar;
use crate::runtime::Local;
use crate::shard::Shard;
use crate::shard::audience::{Selection, Topic};
use crate::shard::backlog::{Backlog, Out};
use crate::shard::bars::{BarPositions, FINALS_MAX};
use crate::shard::batch::write_out;
use crate::shard::counters::{Answered, Transport};
use crate::shard::frame::FrameBuilder;
use crate::shard::replay::{Progress, Replay, Replayed};

/// Messages of an answer unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 1000;
/// Most messages that can be asked for at once.
const LIMIT_MAX: usize = 100_000;

/// What is asked for.
pub struct Question {
    /// The query, for what only one path knows.
    pub query: Query,
    /// The subscription that a poll would be.
    pub subscribe: Subscribe,
    /// What it names.
    pub topics: Vec<Topic>,
    /// The same as an audience's selection.
    pub selection: Selection,
    limit: usize,
}

impl Question {
    /// Reads a request.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(local: &Local, request: &Request<Incoming>) -> Result<Self, Rejected> {
        let query = Query::parse(request.uri().query())?;
        let limit = query.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
        let subscribe = DataQuery::parse(&query)?.json_only()?.needed()?;
        let shard = local.shard.borrow();
        let universe = shard.market().universe();
        let names = Names::resolve(&subscribe.symbols, universe)?;
        let topics = topics_of(&names, subscribe.channels, universe);
        let selection = names.selection(subscribe.channels, universe);
        Ok(Self { query, subscribe, topics, selection, limit })
    }

    /// Whether a cursor says all of an answer. It does not of bars, which change and end without an offset: a browser's
    /// cache would go on showing the first one.
    fn has_tag(&self) -> bool {
        !self.topics.iter().any(|topic| topic.is_bar())
    }
}

/// What a poll is answered with.
pub struct Polled {
    cursor: Cursor,
    recovered: Option<bool>,
    messages: Vec<Replayed>,
    bars: Vec<(Topic, SeenBar)>,
    more: bool,
}

impl Polled {
    /// Whether there is anything that the client does not know. It was told, at the latest, of bars that had ended by
    /// `told_us`; without that, bars that have ended are news if anything has happened since its cursor.
    pub fn has_news(&self, question: &Question, told_us: Option<i64>) -> bool {
        let since = question.subscribe.since.as_ref();
        let has_moved = since.is_none_or(|since| self.cursor.offset > since.offset);
        let is_news = |(topic, seen): &(Topic, SeenBar)| {
            let end_us = topic.bar().map_or(0, |(_, interval)| seen.bar.start_us + interval.us());
            !seen.is_final || told_us.map_or(has_moved, |told_us| end_us > told_us)
        };
        !self.messages.is_empty() || self.recovered == Some(false) || self.bars.iter().any(is_news)
    }
}

/// Answers a poll.
pub fn answer(local: &Local, request: &Request<Incoming>) -> Result<Answer, Rejected> {
    let question = Question::read(local, request)?;
    let shard = local.shard.borrow();
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    let known = known.filter(|_| question.has_tag());
    if let Some(tag) = known.and_then(|tags| unchanged(&shard, &question.topics, tags)) {
        shard.counters().answers(Transport::Poll, Answered::NotModified).add(1);
        let mut answer = with_status(StatusCode::NOT_MODIFIED, "application/json", "");
        answer.headers_mut().insert(header::ETAG, tag);
        return Ok(answer);
    }
    Ok(write(&shard, &question, &poll(&shard, &question), Transport::Poll))
}

/// The answer that was found, counted.
pub fn write(
    shard: &Shard<ClientSink>,
    question: &Question,
    polled: &Polled,
    transport: Transport,
) -> Answer {
    let body = body(shard, polled);
    let is_empty = polled.messages.is_empty() && polled.bars.is_empty();
    let answered = if is_empty { Answered::Empty } else { Answered::Messages };
    let counters = shard.counters();
    counters.answers(transport, answered).add(1);
    counters.bytes(transport).add(body.len() as u64);
    counters.messages(transport).add((polled.messages.len() + polled.bars.len()) as u64);
    let mut answer = json(body);
    let tag = question.has_tag().then(|| HeaderValue::from_str(&etag(&polled.cursor)).ok());
    let tag = tag.flatten();
    answer.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    answer
}

/// The tag that is still right, if one of `tags` is.
fn unchanged(shard: &Shard<ClientSink>, topics: &[Topic], tags: &str) -> Option<HeaderValue> {
    let is_current = |cursor: &Cursor| {
        let newer = |topic: &Topic| {
            let (symbol, channel) = topic.event()?;
            Some(shard.latest().get(symbol, channel)?.event.offset > cursor.offset)
        };
        cursor.epoch == *shard.market().epoch()
            && cursor.offset <= shard.market().head()
            && !topics.iter().any(|topic| newer(topic) == Some(true))
    };
    let current = tags.split(',').filter_map(cursor_of_etag).find(is_current)?;
    HeaderValue::from_str(&etag(&current)).ok()
}

/// What has happened since the question's cursor, as of now.
pub fn poll(shard: &Shard<ClientSink>, question: &Question) -> Polled {
    let mut polled = poll_events(shard, &question.subscribe, &question.topics, question.limit);
    polled.bars = bars(shard, &question.subscribe, &question.topics);
    polled
}

fn poll_events(
    shard: &Shard<ClientSink>,
    subscribe: &Subscribe,
    topics: &[Topic],
    limit: usize,
) -> Polled {
    let market = shard.market();
    let position = shard.position();
    let present = |recovered, messages| Polled {
        cursor: shard.cursor(position),
        recovered,
        messages,
        bars: Vec::new(),
        more: false,
    };
    let Some(since) = &subscribe.since else {
        let wanted = if subscribe.snapshot { topics } else { &[] };
        return present(None, shard.snapshot(wanted));
    };
    if since.epoch != *market.epoch() || since.offset > market.head() {
        return present(Some(false), shard.snapshot(topics));
    }
    if since.offset > position {
        // Another shard gave that cursor out a moment ago; what comes after it is not here yet.
        let (cursor, recovered) = (since.clone(), Some(true));
        let (messages, bars) = (Vec::new(), Vec::new());
        return Polled { cursor, recovered, messages, bars, more: false };
    }
    let topics = topics.iter().copied();
    let (replay, recovered) = Replay::plan(topics, since.offset, position, shard.latest(), market);
    let collected = match subscribe.mode {
        Mode::Every => every(shard, replay, limit),
        Mode::Latest => latest(shard, replay, limit),
    };
    let (messages, upto) = collected;
    let offset = upto.unwrap_or(position);
    Polled {
        cursor: shard.cursor(offset),
        recovered: Some(recovered),
        messages,
        bars: Vec::new(),
        more: upto.is_some(),
    }
}

/// Each event; the offset of the last one if there are more.
fn every(
    shard: &Shard<ClientSink>,
    mut replay: Replay,
    limit: usize,
) -> (Vec<Replayed>, Option<u64>) {
    let mut messages = Vec::new();
    while replay.step(shard.latest(), shard.market(), &mut messages) != Progress::Done
        && messages.len() <= limit
    {}
    if messages.len() <= limit {
        return (messages, None);
    }
    // An announcement and the event behind the hole stay together.
    let is_gap = |message: &Replayed| matches!(message.out, Out::Gap(_));
    let mut end = limit;
    while messages.get(end - 1).is_some_and(is_gap) {
        end += 1;
    }
    let rest = messages.split_off(end.min(messages.len()));
    let last = messages.iter().rev().find_map(offset);
    (messages, if rest.is_empty() { None } else { last })
}

/// Merged by symbol and second; the position of the last whole second if there are more.
fn latest(
    shard: &Shard<ClientSink>,
    mut replay: Replay,
    limit: usize,
) -> (Vec<Replayed>, Option<u64>) {
    let (mut messages, mut chunk) = (Vec::new(), Vec::new());
    let mut merged = Backlog::default();
    let mut position = None;
    loop {
        let progress = replay.step(shard.latest(), shard.market(), &mut chunk);
        for replayed in chunk.drain(..) {
            match replayed.out {
                Out::Record(Record::Event(event)) if !replayed.snap => {
                    if merged.first_second().is_some_and(|second| second < event.second()) {
                        take(&mut merged, &mut messages, &mut position);
                        if messages.len() >= limit {
                            return (messages, position);
                        }
                    }
                    merged.add(&event);
                }
                _ => {
                    take(&mut merged, &mut messages, &mut position);
                    position = offset(&replayed).or(position);
                    messages.push(replayed);
                }
            }
        }
        if progress == Progress::Done {
            take(&mut merged, &mut messages, &mut position);
            return (messages, None);
        }
    }
}

fn take(merged: &mut Backlog, messages: &mut Vec<Replayed>, position: &mut Option<u64>) {
    let mut records = Vec::new();
    while !merged.is_empty() {
        merged.take_second(&mut records);
    }
    let start = messages.len();
    messages.extend(records.into_iter().map(|out| Replayed { out, snap: false }));
    *position = messages[start..].iter().filter_map(offset).max().or(*position);
}

fn offset(replayed: &Replayed) -> Option<u64> {
    match replayed.out {
        Out::Record(Record::Event(event)) => Some(event.offset),
        Out::Record(Record::Trades(trades)) => Some(trades.offset),
        Out::Record(Record::Quote(quote)) => Some(quote.offset),
        Out::Gap(_) => None,
    }
}

fn body(shard: &Shard<ClientSink>, polled: &Polled) -> Vec<u8> {
    let (universe, epoch) = (shard.market().universe(), shard.market().epoch());
    let mut frame = FrameBuilder::new(Format::Json.into(), epoch);
    for Replayed { out, snap } in &polled.messages {
        frame.push_with(|bytes| write_out(Format::Json, bytes, out, *snap, universe));
    }
    for (topic, seen) in &polled.bars {
        let Some((symbol, interval)) = topic.bar() else { continue };
        let named = universe.get(symbol);
        let (bar, x) = (&seen.bar, seen.is_final);
        frame.push_with(|bytes| feed_protocol::json::write_bar(bytes, named, interval, bar, x));
    }
    let mut body = format!("{{\"cursor\":\"{}\"", polled.cursor).into_bytes();
    if let Some(recovered) = polled.recovered {
        body.extend_from_slice(format!(",\"recovered\":{recovered}").as_bytes());
    }
    body.extend_from_slice(b",\"messages\":");
    body.extend_from_slice(frame.finish_bare());
    body.extend_from_slice(format!(",\"more\":{}}}", polled.more).as_bytes());
    body
}

/// The forming bars; with a cursor those that have changed since, and those that ended after the event it names.
fn bars(
    shard: &Shard<ClientSink>,
    subscribe: &Subscribe,
    topics: &[Topic],
) -> Vec<(Topic, SeenBar)> {
    let market = shard.market();
    let wanted = topics.iter().copied().filter(|topic| topic.is_bar());
    let since_us = subscribe.since.as_ref().and_then(|since| {
        let mut event: Vec<Event> = Vec::new();
        let offset = since.offset.checked_sub(1)?;
        market.history.read(offset, since.offset, &mut event).ok()?;
        event.first().map(|event| event.ts_us)
    });
    let mut bars = Vec::new();
    match since_us {
        None if subscribe.snapshot => BarPositions::default().snapshot(wanted, market, &mut bars),
        None => {}
        Some(since_us) => {
            for topic in wanted {
                let Some((symbol, interval)) = topic.bar() else { continue };
                let range = (interval.start_us(since_us), i64::MAX);
                let watermark_us = market.watermark_us();
                let newest = shard.latest().get(symbol, EventChannel::Trades);
                let since = subscribe.since.as_ref().map_or(0, |since| since.offset);
                let has_traded = newest.is_some_and(|newest| newest.event.offset > since);
                let seen = market.bars.range(symbol, interval, range, FINALS_MAX + 1, watermark_us);
                let changed = seen.into_iter().filter(|seen| seen.is_final || has_traded);
                bars.extend(changed.map(|seen| (topic, seen)));
            }
        }
    }
    bars
}
