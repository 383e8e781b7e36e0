//! What a search found, in words: a line a transport, then when polling would do. Makes a text; prints nothing.

use super::{BreakEven, Capacity, Carried, Limit, PollMeasured};
use crate::text::aligned;

/// The whole report.
#[must_use]
pub fn text(capacity: &Capacity) -> String {
    let head = [
        "transport",
        "clients",
        "confirmed",
        "p99 ms",
        "server CPU µs/client/s",
        "tester",
        "limit",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(capacity.transports.iter().map(row));
    let mut text = aligned(&rows);
    if let Some(poll) = &capacity.poll {
        text += "\n";
        text += &inputs(poll);
        if poll.cost.request <= 0.0 {
            text += "  nothing can be said: twice the interval did not cost less; measure again on a quiet machine, or with more clients\n";
        }
        for even in capacity.break_even.iter().filter(|_| poll.cost.request > 0.0) {
            text += &line(poll, even);
        }
    }
    if let Some(why) = &capacity.incomplete_why {
        text += &format!("\nINCOMPLETE   {why}\n");
    }
    text
}

fn row(carried: &Carried) -> Vec<String> {
    let least = if carried.at_least { "at least " } else { "" };
    let found = carried.found();
    let figure = |of: fn(&super::Step) -> Option<f64>, digits: usize| {
        found.and_then(of).map_or("-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let who = match carried.limit {
        Some(Limit::Tester) => "the tester was the limit: ",
        Some(Limit::Server) => "the server: ",
        Some(Limit::Machine) => "the machine, not the server: ",
        _ => "",
    };
    let at = carried.broke_at.map_or(String::new(), |clients| format!(" (with {clients})"));
    vec![
        carried.transport.clone(),
        format!("{least}{}", carried.clients),
        if carried.confirmed { "yes" } else { "no" }.to_owned(),
        figure(|step| Some(step.p99_ms), 1),
        figure(|step| step.server_us_per_client_s, 1),
        figure(|step| Some(step.generator_busy * 100.0), 0) + " %",
        format!("{who}{}{at}", carried.why),
    ]
}

fn inputs(poll: &PollMeasured) -> String {
    let PollMeasured { transport, interval_s, clients, cost, .. } = poll;
    format!(
        "break-even   {transport} with {clients} clients: {:.1} µs of server CPU a client and second, {:.1} µs polled every {} s; \
         that is {:.1} µs a request and {:.1} µs for the events of a second\n",
        poll.us_per_client_s,
        poll.us_per_client_s_twice,
        2.0 * interval_s,
        cost.request,
        cost.events,
    )
}

fn line(poll: &PollMeasured, even: &BreakEven) -> String {
    let clients = match (even.by_clients_s, even.bounds) {
        (_, (true, true)) => {
            "by clients nothing can be said: both numbers are lower bounds".to_owned()
        }
        (None, _) => "by clients never: the events alone cost more".to_owned(),
        (Some(s), _) if s <= poll.interval_s => {
            format!("polling carries as many clients already at {s:.2} s")
        }
        (Some(s), (poller, push)) => {
            let bound = match (poller, push) {
                (false, true) => "at least ",
                (true, false) => "at most ",
                _ => "",
            };
            format!(
                "poll only if you accept staleness over {bound}{s:.1} s ({:.1} s on average): it then carries as many clients",
                s / 2.0
            )
        }
    };
    let cpu = match even.by_cpu_s {
        Some(s) => format!("a client costs the same server CPU at {s:.2} s"),
        None => "a client costs more server CPU at every interval".to_owned(),
    };
    format!("  against {:<11} {clients}; {cpu}\n", even.transport)
}
