//! Draws the live view's state into a frame of any size: heading, progress, a row a lane, what the keys do. Pure.

use std::collections::VecDeque;

use load_tester::report::html::number::{count, time};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::bar::NINE_LEVELS;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, LineGauge, Paragraph, Row as TableRow, Table};

use super::state::{Row, State};

/// Columns before the curve, with their widths.
const COLUMNS: [(&str, u16); 7] = [
    ("transport", 14),
    ("clients", 13),
    ("messages/s", 11),
    ("p50", 9),
    ("p99", 9),
    ("stale p99", 9),
    ("errors", 7),
];

/// Draws everything. Without `colours` (NO_COLOR) weight alone tells parts apart.
pub fn draw(frame: &mut Frame<'_>, state: &State, colours: bool) {
    let style = Styles { colours };
    let parts = [Constraint::Length(2), Constraint::Min(3), Constraint::Length(1)];
    let [top, middle, bottom] = Layout::vertical(parts).areas(frame.area());
    heading(frame, top, state, style);
    frame.render_widget(lanes(middle, state, style), middle);
    let keys = "Ctrl-C stops early and keeps what there is; twice ends at once";
    frame.render_widget(Paragraph::new(Line::from(Span::styled(keys, style.quiet()))), bottom);
}

#[derive(Clone, Copy)]
struct Styles {
    colours: bool,
}

impl Styles {
    fn coloured(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    fn quiet(self) -> Style {
        if self.colours {
            Style::new().fg(Color::DarkGray)
        } else {
            Style::new().add_modifier(Modifier::DIM)
        }
    }
}

fn heading(frame: &mut Frame<'_>, area: Rect, state: &State, style: Styles) {
    let [first, second] = Layout::vertical([Constraint::Length(1); 2]).areas(area);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut words = vec![
        Span::styled("Tickcast laboratory  ", bold),
        Span::styled(state.phase, style.coloured(Color::Cyan).add_modifier(Modifier::BOLD)),
    ];
    if state.total > 1 {
        let running = (state.done + 1).min(state.total);
        let more = state.total.saturating_sub(state.rows.len());
        words.push(Span::raw(format!("  lane {running} of {}", state.total)));
        if more > 0 {
            words.push(Span::styled(format!(", {more} still to begin"), style.quiet()));
        }
    }
    frame.render_widget(Paragraph::new(Line::from(words)), first);
    let gauge = LineGauge::default()
        .filled_style(style.coloured(Color::Cyan))
        .unfilled_style(style.quiet())
        .label(format!("{:>4.0} s left", state.left.as_secs_f64()))
        .ratio(state.part());
    frame.render_widget(gauge, second);
}

fn lanes(area: Rect, state: &State, style: Styles) -> Table<'static> {
    let taken: u16 = COLUMNS.iter().map(|(_, width)| width + 1).sum();
    let curve = area.width.saturating_sub(taken);
    let heading = COLUMNS
        .iter()
        .enumerate()
        .map(|(place, (name, _))| Cell::from(Line::from(*name).alignment(side(place))));
    let heading = heading.chain([Cell::from("messages/s, last two minutes")]);
    let rows = state.rows.iter().map(|row| lane(row, usize::from(curve), style));
    let widths = COLUMNS.iter().map(|(_, width)| Constraint::Length(*width));
    let widths: Vec<_> = widths.chain([Constraint::Min(0)]).collect();
    Table::new(rows.collect::<Vec<_>>(), widths)
        .header(TableRow::new(heading.collect::<Vec<_>>()).style(style.quiet()))
        .column_spacing(1)
}

/// Names to the left, numbers to the right.
fn side(column: usize) -> Alignment {
    if column == 0 { Alignment::Left } else { Alignment::Right }
}

fn lane(row: &Row, width: usize, style: Styles) -> TableRow<'static> {
    let now = &row.now;
    let of = |us: Option<u64>| us.map_or("–".to_owned(), |us| time(us as f64));
    let mark = if row.running { "▸" } else { "✓" };
    let texts = [
        format!("{mark} {}", now.transport),
        format!("{}/{}", count(now.ready.into()), count(now.clients.into())),
        count(now.messages_per_s.max(0.0) as u64),
        of(now.p50_us),
        of(now.p99_us),
        of(now.staleness_p99_us),
        count(now.errors),
    ];
    let cells = texts.into_iter().enumerate().map(|(place, text)| {
        let cell = Cell::from(Line::from(text).alignment(side(place)));
        let wrong = place == COLUMNS.len() - 1 && now.errors > 0;
        if wrong {
            cell.style(style.coloured(Color::Red).add_modifier(Modifier::BOLD))
        } else {
            cell
        }
    });
    let curve = Cell::from(curve(&row.past, width)).style(style.coloured(Color::Cyan));
    let row_style = if row.running { Style::new() } else { style.quiet() };
    TableRow::new(cells.chain([curve]).collect::<Vec<_>>()).style(row_style)
}

/// The last `width` values as blocks, 0 at the bottom.
fn curve(past: &VecDeque<f64>, width: usize) -> String {
    let levels = [
        NINE_LEVELS.empty,
        NINE_LEVELS.one_eighth,
        NINE_LEVELS.one_quarter,
        NINE_LEVELS.three_eighths,
        NINE_LEVELS.half,
        NINE_LEVELS.five_eighths,
        NINE_LEVELS.three_quarters,
        NINE_LEVELS.seven_eighths,
        NINE_LEVELS.full,
    ];
    let shown: Vec<f64> = past.iter().skip(past.len().saturating_sub(width)).copied().collect();
    let greatest = shown.iter().copied().fold(0.0, f64::max);
    let level = |value: &f64| {
        let part = if greatest > 0.0 { (value / greatest).clamp(0.0, 1.0) } else { 0.0 };
        levels[(part * 8.0).round() as usize]
    };
    shown.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::state::Now;
    use super::*;

    fn screen(width: u16, height: u16) -> String {
        let mut state = State::default();
        state.update("measuring", Duration::from_secs(30), 0, 3);
        for value in 0..9 {
            state.lane(Now {
                transport: "poll:500ms/h2".to_owned(),
                clients: 10_000,
                ready: 9_999,
                messages_per_s: f64::from(value) * 1_000.0,
                p50_us: Some(250_300),
                p99_us: Some(495_100),
                staleness_p99_us: None,
                errors: 7,
            });
        }
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, &state, true)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_row_has_every_figure_of_its_lane() {
        let screen = screen(100, 12);
        for text in [
            "measuring",
            "lane 1 of 3",
            "2 still to begin",
            "30 s left",
            "▸ poll:500ms/h",
            "9,999/10,000",
            "8,000",
            "250 ms",
            "495 ms",
            "–",
            "7",
            "▁▂▃▄▅▆▇█",
            "Ctrl-C",
        ] {
            assert!(screen.contains(text), "{text} is missing in\n{screen}");
        }
    }

    #[test]
    fn any_size_of_terminal_will_do() {
        for (width, height) in [(1, 1), (20, 3), (79, 5), (300, 80)] {
            screen(width, height);
        }
    }
}
