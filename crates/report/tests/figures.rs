//! Does every renderer answer whatever the figure, with numbers that are numbers and words that stay words?

#![allow(clippy::unwrap_used)]

use isoflop_report::figure::{
    Axis, Cell, Color, Direction, Dot, Extent, Figure, Label, Mark, Marker, Page, Panel, Pattern, Quantity, Side, Size,
    Weight, Whisker,
};
use isoflop_report::{braille, csv as numbers_of, svg};
use proptest::prelude::*;

/// Numbers as they come, and those that break code.
fn number() -> impl Strategy<Value = f64> {
    let odd =
        [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e-300];
    prop_oneof![3 => 1.5..4.0f64, 2 => (-20.0..25.0f64).prop_map(|power| 10f64.powf(power)), 1 => -9.0..9.0f64, 1 => prop::sample::select(odd.to_vec())]
}

fn pair() -> impl Strategy<Value = (f64, f64)> {
    (number(), number())
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("<script>alert('x')</script>".to_owned()),
        Just("=HYPERLINK(\"http://x\",\"y\")".to_owned()),
        Just("\u{1b}[31mred\n\u{202e}\u{0}\u{fffe}".to_owned()),
        Just("L = A/N^(alpha + B/D^beta^".to_owned()),
        Just("字字字字字字".to_owned()),
        ".{0,60}",
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop::sample::select(&[Side::Right, Side::Left, Side::Above, Side::Below, Side::On][..])
}

fn axis() -> impl Strategy<Value = Axis> {
    let quantity = prop::sample::select(
        &[Quantity::Count, Quantity::Compute, Quantity::Dollars, Quantity::Share, Quantity::Factor, Quantity::Plain][..],
    );
    let ticks = prop::option::of(prop::collection::vec((number(), words()), 0..4));
    (words(), quantity, any::<bool>(), prop::option::of(pair()), prop::option::of(pair()), ticks).prop_map(
        |(name, quantity, logarithmic, at_least, at_most, ticks)| Axis {
            logarithmic,
            at_least,
            at_most,
            ticks,
            ..Axis::linear(&name, quantity)
        },
    )
}

fn dot() -> impl Strategy<Value = Dot> {
    (pair(), prop::option::of(pair()), prop::option::of(pair()), words(), prop::option::of(words())).prop_map(
        |((x, y), x_interval, y_interval, name, label)| Dot { x, y, x_interval, y_interval, name, label, run: None },
    )
}

fn dots() -> impl Strategy<Value = Mark> {
    let markers = [Marker::Circle, Marker::Cross, Marker::Tick, Marker::Star, Marker::class(5)];
    let whiskers = [Whisker::Line, Whisker::Capped, Whisker::Bar];
    let look = (prop::sample::select(markers.to_vec()), prop::sample::select(whiskers.to_vec()), any::<bool>());
    (prop::collection::vec(dot(), 0..6), look, number()).prop_map(|(dots, (marker, whisker, open), share)| {
        let mark = Mark::dots("dots", Color::Ramp(share), marker, dots).with_whiskers(whisker);
        if open { mark.open().sized(Size::Large) } else { mark }
    })
}

fn mark() -> impl Strategy<Value = Mark> {
    let points = || prop::collection::vec(pair(), 0..8);
    let direction = || prop::sample::select(&[Direction::Across, Direction::Upwards][..]);
    let pattern = prop_oneof![
        Just(Pattern::Solid),
        Just(Pattern::Dashed),
        pair().prop_map(|(from, to)| Pattern::SolidWithin(from, to))
    ];
    let shape = prop_oneof![
        (points(), pattern).prop_map(|(points, pattern)| Mark::line("line", Color::Ink, points)
            .patterned(pattern)
            .weighing(Weight::Bold)),
        prop::collection::vec((number(), number(), number()), 0..8).prop_map(|points| Mark::band(
            "band",
            Color::Accent,
            points
        )),
        points().prop_map(|points| Mark::region("region", Color::Muted, points)),
        (direction(), number(), number()).prop_map(|(direction, from, to)| Mark::range("range", direction, from, to)),
        (direction(), number()).prop_map(|(direction, at)| Mark::rule("rule", Color::Muted, direction, at)),
        (pair(), pair(), words()).prop_map(|(across, upwards, text)| {
            let cell = Cell { across, upwards, name: text.clone(), text };
            Mark::cells("cells", Color::class(1, 3), vec![cell])
        }),
        (pair(), words()).prop_map(|((x, y), text)| Mark::words(Color::Ink, x, y, text)),
        dots(),
    ];
    let extent = || prop::sample::select(&[Extent::All, Extent::Bulk, Extent::Nothing][..]);
    let label = prop::option::of((words(), number(), side()));
    (shape, words(), label, extent(), extent()).prop_map(|(mark, series, label, across, upwards)| Mark {
        series,
        label: label.map(|(text, share, side)| Label::beside(text, share, side)),
        ..mark.stretching(across, upwards)
    })
}

fn figure() -> impl Strategy<Value = Figure> {
    let panel = (words(), axis(), axis(), prop::collection::vec(mark(), 0..6), 20.0..400.0f64)
        .prop_map(|(title, across, upwards, marks, height)| Panel { title, across, upwards, marks, height });
    (words(), words(), prop::collection::vec(panel, 0..4), 0..4usize, 100.0..900.0f64).prop_map(
        |(title, caption, panels, columns, width)| Figure {
            subtitle: String::new(),
            title,
            caption,
            panels,
            columns,
            width,
        },
    )
}

/// The values of attributes that hold numbers.
fn numbers(svg: &str) -> Vec<&str> {
    let attributes = svg
        .split('<')
        .filter_map(|tag| Some(tag.split_once('>')?.0))
        .flat_map(|tag| tag.split('"').collect::<Vec<_>>());
    let pairs: Vec<&str> = attributes.collect();
    pairs
        .windows(2)
        .filter(|pair| {
            [" d=", " x=", " y=", " cx=", " cy=", " r=", " width=", " height="]
                .iter()
                .any(|name| pair[0].ends_with(name))
        })
        .flat_map(|pair| pair[1].split(['M', 'L', 'l', 'Z', ' ']))
        .filter(|number| !number.is_empty())
        .collect()
}

/// Characters that command a terminal, but for the end of a line.
fn commands(letter: char) -> bool {
    letter == '\u{202e}' || letter.is_control() && letter != '\n'
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_renderer_answers_with_numbers_and_words(figure in figure(), width in prop::option::of(number()), columns in 0..120usize, lines in 0..40usize) {
        let drawn = svg(&figure, &Page { width, ..Page::default() });
        for number in numbers(&drawn) {
            let finite = number.parse::<f64>().is_ok_and(|number| number.is_finite() && number.abs() < 1e6);
            prop_assert!(finite, "{} in {}", number, drawn);
        }
        prop_assert!(!drawn.contains("<script") && !drawn.chars().any(commands));

        let letters = braille(&figure, columns, lines);
        prop_assert!(!letters.chars().any(commands));
        for panel in &figure.panels {
            let alone = Figure { title: String::new(), subtitle: String::new(), caption: String::new(), ..Figure::of(panel.clone()) };
            let letters = braille(&alone, columns, lines);
            let panel = letters.lines().filter(|line| !line.starts_with("Open triangle"));
            // The caption's only words are on triangles; they may be broken over lines anywhere.
            prop_assert!(columns < 60 || panel.clone().all(|line| line.chars().count() <= columns), "{}", letters);
        }

        let table = numbers_of(&figure);
        prop_assert!(!table.chars().any(commands));
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        for row in reader.records() {
            let row = row.unwrap();
            for text in [&row[0], &row[1], &row[2], &row[9]] {
                prop_assert!(!text.trim_start().starts_with(['=', '+', '-', '@']), "{}", text);
            }
            for number in (3..9).map(|column| &row[column]).filter(|number| !number.is_empty()) {
                prop_assert!(number.parse::<f64>().is_ok_and(|number| !number.is_nan()), "{}", number);
            }
        }
    }
}

#[cfg(feature = "files")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_figure_becomes_a_file(figure in figure()) {
        use isoflop_report::{FileFormat, file};
        for (format, _) in FileFormat::ALL {
            prop_assert!(file(&figure, format, &Page::default()).is_ok_and(|bytes| !bytes.is_empty()), "{:?}", format);
        }
    }
}

#[test]
fn numbers_of_an_svg_are_found() {
    let found = numbers("<path d=\"M1 2L3 -4Z\" stroke=\"x\"/><text x=\"NaN\" y=\"5\">6</text>");
    assert_eq!(found, ["1", "2", "3", "-4", "NaN", "5"]);
}
