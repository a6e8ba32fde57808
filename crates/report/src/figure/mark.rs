//! Marks: lines, bands, regions, ranges, rules, dots, cells and words, all in data coordinates.

use super::{Color, Direction};

/// Something painted in a panel, in one colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What it stands for: the series in CSV, and what a line says under a pointer.
    pub series: String,
    /// Its colour.
    pub color: Color,
    /// What is painted.
    pub shape: Shape,
    /// Words beside it.
    pub label: Option<Label>,
    /// How far it stretches the axis across.
    pub across: Extent,
    /// How far it stretches the axis upwards.
    pub upwards: Extent,
}

/// What a mark looks like; points are `(x, y)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Points joined by straight strokes; one that is no number interrupts it.
    Line {
        /// The points, in the order in which they are joined.
        points: Vec<(f64, f64)>,
        /// Solid or dashed.
        pattern: Pattern,
        /// How thick.
        weight: Weight,
    },
    /// The area between two curves: `(x, lower, upper)`. An infinite end reaches to the frame. Bands over each other add up.
    Band(Vec<(f64, f64, f64)>),
    /// The inside of an outline.
    Region {
        /// The corners, around it.
        outline: Vec<(f64, f64)>,
        /// Whether the outline itself is drawn, as of a hull or an ellipse; without it a region is a band in any direction.
        edged: bool,
    },
    /// All of the frame between two values of one axis: the range of the fit.
    Range {
        /// The axis the values are on.
        direction: Direction,
        /// Its beginning.
        from: f64,
        /// Its end.
        to: f64,
    },
    /// A straight line through the whole frame at one value of one axis.
    Rule {
        /// The axis the value is on: a rule `Across` is upright.
        direction: Direction,
        /// The value.
        at: f64,
        /// Solid or dashed.
        pattern: Pattern,
    },
    /// Single points, each with its name and its intervals.
    Dots {
        /// Their outline.
        marker: Marker,
        /// How large.
        size: Size,
        /// Open ones stand for what did not count: runs left out, predictions.
        filled: bool,
        /// How intervals are drawn.
        whisker: Whisker,
        /// The points.
        dots: Vec<Dot>,
    },
    /// Rectangles of a grid with words in them.
    Cells(Vec<Cell>),
    /// A place for the mark's label alone.
    Words {
        /// Where, across.
        x: f64,
        /// Where, upwards.
        y: f64,
    },
}

/// Where a line is solid: on data. Elsewhere it is dashed: extrapolated, or a reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pattern {
    /// Everywhere.
    Solid,
    /// Nowhere.
    Dashed,
    /// Between two values of the axis across.
    SolidWithin(f64, f64),
}

impl Pattern {
    /// Whether it is solid at `x`.
    pub fn is_solid_at(self, x: f64) -> bool {
        match self {
            Self::Solid => true,
            Self::Dashed => false,
            Self::SolidWithin(from, to) => (from..=to).contains(&x),
        }
    }
}

/// How thick a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// One of many, or a reference.
    Thin,
    /// A curve.
    #[default]
    Normal,
    /// The one that matters.
    Bold,
}

/// The outlines of dots, told apart without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A circle.
    Circle,
    /// A square.
    Square,
    /// A square on its corner.
    Diamond,
    /// A triangle pointing up.
    TriangleUp,
    /// A hexagon.
    Hexagon,
    /// A triangle pointing down.
    TriangleDown,
    /// A triangle pointing left.
    TriangleLeft,
    /// A triangle pointing right.
    TriangleRight,
    /// What a run reached that had been predicted.
    Star,
    /// A published value.
    Cross,
    /// A lowest point.
    Tick,
}

impl Marker {
    /// The marker of the class `index` of an ordered variable, beside its colour.
    pub fn class(index: usize) -> Self {
        const CLASSES: [Marker; 6] = [
            Marker::Circle,
            Marker::Square,
            Marker::Diamond,
            Marker::TriangleUp,
            Marker::Hexagon,
            Marker::TriangleDown,
        ];
        CLASSES[index % CLASSES.len()]
    }
}

/// How large dots are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// Background: known models, draws.
    Small,
    /// A run; smaller where there are many in a panel.
    #[default]
    Normal,
    /// The one that matters.
    Large,
}

/// How intervals of dots are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whisker {
    /// A thin line: a standard error.
    #[default]
    Line,
    /// A thick line with caps: a prediction.
    Capped,
    /// A translucent bar: an optimum under a dot that hit it.
    Bar,
}

/// How far a mark stretches an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The axis shows all of it.
    All,
    /// The axis shows the bulk of it; the few far above the others lie beyond the frame.
    Bulk,
    /// The axis shows what happens to lie in its range.
    Nothing,
}

/// A point with what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    /// Across.
    pub x: f64,
    /// Upwards.
    pub y: f64,
    /// Its interval across; an infinite end reaches to the frame.
    pub x_interval: Option<(f64, f64)>,
    /// Its interval upwards.
    pub y_interval: Option<(f64, f64)>,
    /// What it says under a pointer.
    pub name: String,
    /// What stands beside it.
    pub label: Option<String>,
    /// The run that it stands for, by its position among the kept ones: a page can ask about it.
    pub run: Option<usize>,
}

impl Dot {
    /// A dot without name and interval.
    pub fn at(x: f64, y: f64) -> Self {
        Self { x, y, x_interval: None, y_interval: None, name: String::new(), label: None, run: None }
    }

    /// Stands for the run at `position` among the kept ones.
    #[must_use]
    pub fn of_run(self, position: Option<usize>) -> Self {
        Self { run: position, ..self }
    }

    /// Says `name` under a pointer.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Shows `label` beside it.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..self }
    }

    /// With an interval across.
    #[must_use]
    pub fn across(self, low: f64, high: f64) -> Self {
        Self { x_interval: Some((low, high)), ..self }
    }

    /// With an interval upwards.
    #[must_use]
    pub fn upwards(self, low: f64, high: f64) -> Self {
        Self { y_interval: Some((low, high)), ..self }
    }
}

/// A rectangle of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its ends across.
    pub across: (f64, f64),
    /// Its ends upwards.
    pub upwards: (f64, f64),
    /// What stands in it, cut to its width.
    pub text: String,
    /// What it says under a pointer.
    pub name: String,
}

/// Words beside a mark, in its colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The words.
    pub text: String,
    /// Where along a line they would like to stand: 0 its beginning, 1 its end.
    pub share: f64,
    /// On which side of the place.
    pub side: Side,
}

impl Label {
    /// After the end of a line; the axis makes room for it. Of a rule, at its end.
    pub fn after(text: impl Into<String>) -> Self {
        Self::beside(text, 1.0, Side::Right)
    }

    /// On a line, half way: a contour's value.
    pub fn on(text: impl Into<String>) -> Self {
        Self::beside(text, 0.5, Side::On)
    }

    /// On a `side` of the place at `share` of a line.
    pub fn beside(text: impl Into<String>, share: f64, side: Side) -> Self {
        Self { text: text.into(), share, side }
    }
}

/// A side of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// To its right.
    Right,
    /// To its left.
    Left,
    /// Over it.
    Above,
    /// Under it.
    Below,
    /// Around it.
    On,
}

impl Mark {
    fn new(series: impl Into<String>, color: Color, shape: Shape, extent: Extent) -> Self {
        Self { series: series.into(), color, shape, label: None, across: extent, upwards: extent }
    }

    /// A solid line.
    pub fn line(series: impl Into<String>, color: Color, points: Vec<(f64, f64)>) -> Self {
        let shape = Shape::Line { points, pattern: Pattern::Solid, weight: Weight::Normal };
        Self::new(series, color, shape, Extent::All)
    }

    /// A band of `(x, lower, upper)`.
    pub fn band(series: impl Into<String>, color: Color, points: Vec<(f64, f64, f64)>) -> Self {
        Self::new(series, color, Shape::Band(points), Extent::All)
    }

    /// A region with its outline.
    pub fn region(series: impl Into<String>, color: Color, outline: Vec<(f64, f64)>) -> Self {
        Self::new(series, color, Shape::Region { outline, edged: true }, Extent::All)
    }

    /// A shaded range of one axis, which it does not stretch.
    pub fn range(series: impl Into<String>, direction: Direction, from: f64, to: f64) -> Self {
        Self::new(series, Color::Muted, Shape::Range { direction, from, to }, Extent::Nothing)
    }

    /// A dashed line through the whole frame, which stretches no axis.
    pub fn rule(series: impl Into<String>, color: Color, direction: Direction, at: f64) -> Self {
        Self::new(series, color, Shape::Rule { direction, at, pattern: Pattern::Dashed }, Extent::Nothing)
    }

    /// Filled dots.
    pub fn dots(series: impl Into<String>, color: Color, marker: Marker, dots: Vec<Dot>) -> Self {
        let shape = Shape::Dots { marker, size: Size::Normal, filled: true, whisker: Whisker::Line, dots };
        Self::new(series, color, shape, Extent::All)
    }

    /// Cells of a grid.
    pub fn cells(series: impl Into<String>, color: Color, cells: Vec<Cell>) -> Self {
        Self::new(series, color, Shape::Cells(cells), Extent::All)
    }

    /// Words around a place, which stretch no axis.
    pub fn words(color: Color, x: f64, y: f64, text: impl Into<String>) -> Self {
        let mark = Self::new("words", color, Shape::Words { x, y }, Extent::Nothing);
        mark.labelled(Label::beside(text, 0.0, Side::On))
    }

    /// With words beside it.
    #[must_use]
    pub fn labelled(self, label: Label) -> Self {
        Self { label: Some(label), ..self }
    }

    /// Stretching the axes so far.
    #[must_use]
    pub fn stretching(self, across: Extent, upwards: Extent) -> Self {
        Self { across, upwards, ..self }
    }

    /// Dashed: a line, a rule.
    #[must_use]
    pub fn dashed(self) -> Self {
        self.patterned(Pattern::Dashed)
    }

    /// Solid between two values of the axis across, dashed beyond: a line fitted to data between them.
    #[must_use]
    pub fn solid_within(self, from: f64, to: f64) -> Self {
        self.patterned(Pattern::SolidWithin(from, to))
    }

    /// With this pattern: a line, a rule.
    #[must_use]
    pub fn patterned(mut self, chosen: Pattern) -> Self {
        if let Shape::Line { pattern, .. } | Shape::Rule { pattern, .. } = &mut self.shape {
            *pattern = chosen;
        }
        self
    }

    /// As thick as this: a line.
    #[must_use]
    pub fn weighing(mut self, chosen: Weight) -> Self {
        if let Shape::Line { weight, .. } = &mut self.shape {
            *weight = chosen;
        }
        self
    }

    /// As large as this: dots.
    #[must_use]
    pub fn sized(mut self, chosen: Size) -> Self {
        if let Shape::Dots { size, .. } = &mut self.shape {
            *size = chosen;
        }
        self
    }

    /// Without its outline: a region.
    #[must_use]
    pub fn without_edge(mut self) -> Self {
        if let Shape::Region { edged, .. } = &mut self.shape {
            *edged = false;
        }
        self
    }

    /// Not filled: dots.
    #[must_use]
    pub fn open(mut self) -> Self {
        if let Shape::Dots { filled, .. } = &mut self.shape {
            *filled = false;
        }
        self
    }

    /// With intervals drawn so: dots.
    #[must_use]
    pub fn with_whiskers(mut self, chosen: Whisker) -> Self {
        if let Shape::Dots { whisker, .. } = &mut self.shape {
            *whisker = chosen;
        }
        self
    }

    /// Its dots, if it has any.
    pub(crate) fn dots_of(&self) -> &[Dot] {
        if let Shape::Dots { dots, .. } = &self.shape { dots } else { &[] }
    }
}
