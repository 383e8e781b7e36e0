//! `GET /v1/poll`: what has happened since a cursor, now, even if nothing. From the shard's own newest events and the
//! market's history up to the shard's position, so that a cursor means the same as on a socket.

use std::rc::Rc;

use feed_protocol::{Cursor, Event, Format, Mode, Record, Subscribe};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};

use super::answer::{Answer, Rejected, json, with_status};
use super::query::{DataQuery, Query, cursor_of_etag, etag};
use crate::connection::socket::SocketSink;
use crate::connection::subscriptions::{Names, topics_of};
use crate::runtime::Local;
use crate::shard::Shard;
use crate::shard::audience::Topic;
use crate::shard::backlog::{Backlog, Out};
use crate::shard::bars::{BarPositions, FINALS_MAX};
use crate::shard::batch::write_out;
use crate::shard::frame::FrameBuilder;
use crate::shard::replay::{Progress, Replay, Replayed};

/// Messages of an answer unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 1000;
/// Most messages that can be asked for at once.
const LIMIT_MAX: usize = 100_000;

/// What a poll is answered with.
struct Polled {
    cursor: Cursor,
    recovered: Option<bool>,
    messages: Vec<Replayed>,
    more: bool,
}

/// Answers a poll.
pub fn answer(local: &Rc<Local>, request: &Request<Incoming>) -> Result<Answer, Rejected> {
    let query = Query::parse(request.uri().query())?;
    let limit = query.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let subscribe = DataQuery::parse(&query)?.needed()?;
    let shard = local.shard.borrow();
    let names = Names::resolve(&subscribe.symbols, shard.market().universe())?;
    let topics = topics_of(&names, subscribe.channels, shard.market().universe());
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    if let Some(tag) = known.and_then(|tags| unchanged(&shard, &topics, tags)) {
        let mut answer = with_status(StatusCode::NOT_MODIFIED, "application/json", "");
        answer.headers_mut().insert(header::ETAG, tag);
        return Ok(answer);
    }
    let polled = poll(&shard, &subscribe, &topics, limit);
    let tag = HeaderValue::from_str(&etag(&polled.cursor)).ok();
    let mut answer = json(body(&shard, &subscribe, &topics, &polled));
    answer.headers_mut().extend(tag.map(|tag| (header::ETAG, tag)));
    Ok(answer)
}

/// The tag that is still right, if one of `tags` is.
fn unchanged(shard: &Shard<SocketSink>, topics: &[Topic], tags: &str) -> Option<HeaderValue> {
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

fn poll(
    shard: &Shard<SocketSink>,
    subscribe: &Subscribe,
    topics: &[Topic],
    limit: usize,
) -> Polled {
    let market = shard.market();
    let position = shard.position();
    let present = |recovered, messages| Polled {
        cursor: market.cursor(position),
        recovered,
        messages,
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
        return Polled { cursor, recovered, messages: Vec::new(), more: false };
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
        cursor: market.cursor(offset),
        recovered: Some(recovered),
        messages,
        more: upto.is_some(),
    }
}

/// Each event; the offset of the last one if there are more.
fn every(
    shard: &Shard<SocketSink>,
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
    shard: &Shard<SocketSink>,
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

fn body(
    shard: &Shard<SocketSink>,
    subscribe: &Subscribe,
    topics: &[Topic],
    polled: &Polled,
) -> Vec<u8> {
    let universe = shard.market().universe();
    let mut frame = FrameBuilder::new(Format::Json);
    for Replayed { out, snap } in &polled.messages {
        frame.push_with(|bytes| write_out(Format::Json, bytes, out, *snap, universe));
    }
    for (topic, seen) in bars(shard, subscribe, topics) {
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

/// The forming bars, last; with a cursor also those that ended after the event it names.
fn bars(
    shard: &Shard<SocketSink>,
    subscribe: &Subscribe,
    topics: &[Topic],
) -> Vec<(Topic, crate::market::SeenBar)> {
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
                let seen = market.bars.range(symbol, interval, range, FINALS_MAX + 1, watermark_us);
                bars.extend(seen.into_iter().map(|seen| (topic, seen)));
            }
        }
    }
    bars
}
