//! Colours: two themes, and a perceptually even ramp for an ordered quantity that needs no red-green vision.

/// The page a figure stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
    /// Either, as the page that holds the SVG is (CSS `light-dark`): for browsers, not for files.
    Adaptive,
}

/// What a mark is painted with, whatever the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Color {
    /// What words are written in.
    Ink,
    /// What stands back: references, grids, runs of no class.
    Muted,
    /// The one thing that matters most, such as the big run.
    Accent,
    /// A share of an ordered quantity, 0 to 1.
    Ramp(f64),
}

impl Color {
    /// The colour of the class `index` of `count` of an ordered variable: a budget, a width.
    pub fn class(index: usize, count: usize) -> Self {
        Self::Ramp(if count > 1 { index as f64 / (count - 1) as f64 } else { 0.6 })
    }
}

/// The colours that are not an ordered quantity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inks {
    pub(crate) background: &'static str,
    pub(crate) ink: &'static str,
    pub(crate) muted: &'static str,
    pub(crate) grid: &'static str,
    /// The big run: orange, the hue farthest from the ramp's for every common colour vision.
    pub(crate) accent: &'static str,
}

impl Theme {
    pub(crate) fn inks(self) -> Inks {
        match self {
            Self::Light => {
                Inks { background: "#ffffff", ink: "#1f2328", muted: "#59636e", grid: "#e8ebef", accent: "#c2410c" }
            }
            Self::Dark => {
                Inks { background: "#0d1117", ink: "#e6edf3", muted: "#9aa4af", grid: "#20262e", accent: "#fb923c" }
            }
            Self::Adaptive => Inks {
                background: "light-dark(#ffffff, #0d1117)",
                ink: "light-dark(#1f2328, #e6edf3)",
                muted: "light-dark(#59636e, #9aa4af)",
                grid: "light-dark(#e8ebef, #20262e)",
                accent: "light-dark(#c2410c, #fb923c)",
            },
        }
    }

    /// What a mark is painted with.
    pub(crate) fn color(self, color: Color) -> String {
        let inks = self.inks();
        match color {
            Color::Ink => inks.ink.to_owned(),
            Color::Muted => inks.muted.to_owned(),
            Color::Accent => inks.accent.to_owned(),
            Color::Ramp(share) => self.ramp(share),
        }
    }

    /// The colour at `share` of an ordered quantity: larger ones stand out more from the background.
    ///
    /// Lightness changes evenly along the ramp, so the order survives any colour vision and a grey print; hue turns from
    /// green through blue to violet.
    fn ramp(self, share: f64) -> String {
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        let between = |from: f64, to: f64| from + share * (to - from);
        match self {
            Self::Light => oklch(between(0.64, 0.32), between(0.12, 0.17), between(178.0, 300.0)),
            Self::Dark => oklch(between(0.58, 0.87), between(0.15, 0.12), between(295.0, 165.0)),
            Self::Adaptive => format!("light-dark({}, {})", Self::Light.ramp(share), Self::Dark.ramp(share)),
        }
    }
}

/// The sRGB colour at `lightness`, `chroma` and `hue` (degrees) of Oklch, its chroma lowered until sRGB can show it.
///
/// # Source
/// Björn Ottosson, "A perceptual color space for image processing", 2020: the two matrices of Oklab to linear sRGB.
fn oklch(lightness: f64, chroma: f64, hue: f64) -> String {
    let mut chroma = chroma;
    loop {
        let linear = linear_srgb(lightness, chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
        let shown = linear.iter().all(|channel| (-1e-4..=1.0001).contains(channel));
        if shown || chroma < 1e-3 {
            let [red, green, blue] = linear.map(|channel| (255.0 * gamma(channel.clamp(0.0, 1.0))).round() as u8);
            return format!("#{red:02x}{green:02x}{blue:02x}");
        }
        chroma *= 0.98;
    }
}

fn linear_srgb(lightness: f64, a: f64, b: f64) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

/// The transfer function of sRGB (IEC 61966-2-1).
fn gamma(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_come_out() {
        assert_eq!(oklch(1.0, 0.0, 0.0), "#ffffff");
        assert_eq!(oklch(0.0, 0.0, 0.0), "#000000");
        // Pure red in Oklch, rounded to three digits.
        assert_eq!(oklch(0.627_955, 0.257_68, 29.233), "#ff0000");
    }

    /// Relative luminance, WCAG 2.
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    #[test]
    fn the_ramp_is_ordered_by_lightness_and_visible_on_its_page() {
        for theme in [Theme::Light, Theme::Dark] {
            let background = luminance(theme.inks().background);
            let contrasts: Vec<f64> = (0..9)
                .map(|index| {
                    let color = luminance(&theme.color(Color::class(index, 9)));
                    (color.max(background) + 0.05) / (color.min(background) + 0.05)
                })
                .collect();
            assert!(contrasts.windows(2).all(|pair| pair[0] < pair[1]), "{theme:?} {contrasts:?}");
            assert!(contrasts[0] > 3.0, "{theme:?} {contrasts:?}");
        }
    }

    #[test]
    fn an_adaptive_figure_has_the_colours_of_both_pages() {
        for color in [Color::Ink, Color::Muted, Color::Accent, Color::Ramp(0.3)] {
            let both = format!("light-dark({}, {})", Theme::Light.color(color), Theme::Dark.color(color));
            assert_eq!(Theme::Adaptive.color(color), both);
        }
        let [light, dark, adaptive] = [Theme::Light, Theme::Dark, Theme::Adaptive].map(Theme::inks);
        assert_eq!(adaptive.background, format!("light-dark({}, {})", light.background, dark.background));
        assert_eq!(adaptive.grid, format!("light-dark({}, {})", light.grid, dark.grid));
    }

    #[test]
    fn words_are_legible_on_both_pages() {
        for theme in [Theme::Light, Theme::Dark] {
            let inks = theme.inks();
            for color in [inks.ink, inks.muted, inks.accent] {
                let (color, page) = (luminance(color), luminance(inks.background));
                assert!((color.max(page) + 0.05) / (color.min(page) + 0.05) > 4.5, "{theme:?} {color}");
            }
        }
    }
}
