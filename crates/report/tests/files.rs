//! Do figures become files that other programs can read, whatever their words?

#![allow(clippy::unwrap_used)]

use isoflop_report::figure::{Axis, Color, Dot, Figure, Label, Mark, Marker, Page, Panel, Quantity, Theme};
use isoflop_report::{FileError, FileFormat, csv as numbers, file, svg};
use resvg::tiny_skia::Pixmap;

/// A few runs under a curve, with `name` wherever words from outside may stand.
fn figure(name: &str) -> Figure {
    let mut panel = Panel::new(
        Axis::logarithmic("compute C, FLOP", Quantity::Compute),
        Axis::linear("loss, nats per token", Quantity::Plain),
    );
    let points: Vec<(f64, f64)> = (0..20).map(|step| (1e17 * 2f64.powi(step), 3.0 - 0.05 * f64::from(step))).collect();
    let dots = points.iter().step_by(4).map(|(x, y)| Dot::at(*x, y + 0.01).named(name).labelled(name)).collect();
    panel.push(Mark::line(name, Color::Ramp(0.3), points).labelled(Label::after(name)));
    panel.push(Mark::dots(name, Color::Accent, Marker::Square, dots));
    let words = |text: &str| format!("{text} {name}");
    Figure { title: words("Title"), subtitle: words("Subtitle"), caption: words("Caption"), ..Figure::of(panel) }
}

const HOSTILE: &str = "=1</text><script>alert(1)</script>&\"'\u{1b}[31m\u{202e}\u{ffff}\u{0} ^(a^b 字";

fn pixels(figure: &Figure, theme: Theme) -> Pixmap {
    let bytes = file(figure, FileFormat::Png, &Page { theme, width: None }).unwrap();
    Pixmap::decode_png(&bytes).unwrap()
}

/// The numbers after `name="` in the first tag of an SVG.
fn length(svg: &str, name: &str) -> u32 {
    let after = svg.split_once(&format!(" {name}=\"")).unwrap().1;
    after.split('"').next().unwrap().parse().unwrap()
}

#[test]
fn a_png_has_two_pixels_to_one_and_is_not_blank() {
    for name in ["run a", HOSTILE, ""] {
        let figure = figure(name);
        let drawn = svg(&figure, &Page::default());
        let picture = pixels(&figure, Theme::Light);
        assert_eq!((picture.width(), picture.height()), (2 * length(&drawn, "width"), 2 * length(&drawn, "height")));
        let white =
            picture.pixels().iter().filter(|pixel| (pixel.red(), pixel.green(), pixel.blue()) == (255, 255, 255));
        let share = white.count() as f64 / picture.pixels().len() as f64;
        assert!((0.5..0.99).contains(&share), "{share} of it is white");
        assert!(picture.pixels().iter().all(|pixel| pixel.alpha() == 255));
    }
}

#[test]
fn words_are_set_in_the_font_that_is_shipped() {
    // Without letters nothing darker than the grid stands above the frame.
    let dark = |picture: &Pixmap| {
        let head = picture.pixels().iter().take(picture.width() as usize * 60);
        head.filter(|pixel| pixel.red() < 80 && pixel.green() < 80).count()
    };
    let titled = Figure { title: "Loss falls".to_owned(), ..figure("") };
    let untitled = Figure { title: " ".to_owned(), subtitle: "\u{a0}".to_owned(), ..figure("") };
    assert!(dark(&pixels(&titled, Theme::Light)) > 300, "{}", dark(&pixels(&titled, Theme::Light)));
    assert!(dark(&pixels(&untitled, Theme::Light)) < dark(&pixels(&titled, Theme::Light)) / 2);
    let (light, dark) = (pixels(&titled, Theme::Light), pixels(&titled, Theme::Dark));
    assert!(light.pixel(0, 0).unwrap().red() == 255 && dark.pixel(0, 0).unwrap().red() < 32);
    assert_eq!(pixels(&titled, Theme::Adaptive), light, "a picture cannot adapt");
}

#[test]
fn a_pdf_is_one_page_with_its_font() {
    for name in ["run a", HOSTILE, ""] {
        let bytes = file(&figure(name), FileFormat::Pdf, &Page::default()).unwrap();
        assert!(bytes.starts_with(b"%PDF-"));
        let text = String::from_utf8_lossy(&bytes);
        let pages = text.matches("/Type/Page").count() - text.matches("/Type/Pages").count();
        assert_eq!(pages, 1);
        assert!(text.contains("Inter") && text.contains("/ToUnicode"), "text is text, not outlines");
        assert!(!text.contains("/JavaScript") && !text.contains("/URI"));
    }
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    for (format, _) in FileFormat::ALL {
        let draw = || file(&figure(HOSTILE), format, &Page::default()).unwrap();
        assert_eq!(draw(), draw(), "{format:?}");
    }
    assert_eq!(file(&figure("a"), FileFormat::Csv, &Page::default()).unwrap(), numbers(&figure("a")).into_bytes());
}

#[test]
fn a_format_is_told_by_its_extension_alone() {
    for (name, format) in [
        ("a.svg", FileFormat::Svg),
        ("a.b/c.PNG", FileFormat::Png),
        ("C:\\x\\a.Pdf", FileFormat::Pdf),
        ("./.csv", FileFormat::Csv),
    ] {
        assert_eq!(FileFormat::of_name(name).unwrap(), format, "{name}");
    }
    for name in ["", "svg", "a.svg/b", "a.jpg", "a.svg.gz", "a.", "a.png "] {
        let error = FileFormat::of_name(name).unwrap_err();
        assert!(matches!(&error, FileError::UnknownFormat { name: said } if said == name));
        assert!([".svg", ".png", ".pdf", ".csv"].iter().all(|known| error.to_string().contains(known)));
    }
}

#[test]
fn an_empty_figure_is_a_file_too() {
    let empty = Figure { panels: Vec::new(), ..figure("") };
    for (format, _) in FileFormat::ALL {
        assert!(!file(&empty, format, &Page::default()).unwrap().is_empty());
    }
}
