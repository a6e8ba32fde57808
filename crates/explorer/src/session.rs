//! The runs, the fit and the plan that a page works on, and the answers to its requests.

use isoflop::blueprint::Given;
use isoflop::fit::Provenance;
use isoflop::hardware::{Accelerator, accelerators};
use isoflop::law::{self, PUBLISHED, published};
use isoflop::models::models;
use isoflop::predict::Predictions;
use isoflop::{
    Filter, Fit, FitOptions, Flops, Method, Nats, Objective, Params, Plan, QuestionError, Runs, TableFormat, Tokens,
    fit,
};
use isoflop_report::brief::Brief;
use isoflop_report::figure::{Figure, Page};
use isoflop_report::{
    ContourInput, ForecastInput, RatiosInput, ValleysInput, contour, csv, exponents, forecast, panels, ratios,
    residuals, svg, valleys,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::ExplorerError;
use crate::request::{
    FigureFormat, FigureKind, FigureRequest, FitRequest, FitSource, LARGEST_REQUEST, LoadRequest, MOST_RUNS,
    PlanRequest, PredictRequest, Request, RunsRequest,
};

/// Most rows left out that a reply names; the others are counted.
const SHOWN_DROPPED: usize = 200;

/// What a page works on. A request that fails changes nothing.
#[derive(Debug, Default)]
pub struct Session {
    /// The table as it was read.
    table: Runs,
    /// Its runs without those that were left out by hand.
    runs: Runs,
    fit: Option<Fit>,
    plan: Option<Plan>,
}

impl Session {
    /// The reply to a request: `{"reply": ...}`, or `{"error": {"code", "message"}}`.
    ///
    /// # Example
    /// ```
    /// let mut session = isoflop_explorer::Session::default();
    /// session.answer(r#"{"do": "load", "fit": {"published": "besiroglu2024"}}"#);
    /// let reply = session.answer(r#"{"do": "plan", "question": {"flops": "5.76e23"}}"#);
    /// assert!(reply.contains(r#""schema":"isoflop.plan/1""#));
    /// assert!(session.answer("{").contains("cannot be read"));
    /// ```
    pub fn answer(&mut self, request: &str) -> String {
        self.answer_bytes(request.as_bytes())
    }

    /// The same, of bytes that may be no text.
    pub fn answer_bytes(&mut self, request: &[u8]) -> String {
        match self.reply(request) {
            Ok(reply) => format!("{{\"reply\":{reply}}}"),
            Err(error) => {
                let words = Failure { code: error.code(), message: error.to_string() };
                // Two strings: there is nothing that could fail to be written.
                format!("{{\"error\":{}}}", serde_json::to_string(&words).unwrap_or_default())
            }
        }
    }

    fn reply(&mut self, request: &[u8]) -> Result<String, ExplorerError> {
        if request.len() > LARGEST_REQUEST {
            return Err(ExplorerError::LongRequest { found: request.len() });
        }
        match serde_json::from_str(std::str::from_utf8(request)?)? {
            Request::Known {} => known(),
            Request::Runs(asked) => self.read(&asked),
            Request::Fit(asked) => self.refit(&asked),
            Request::Load(asked) => self.load(&asked),
            Request::Plan(asked) => self.replan(&asked),
            Request::Predict(asked) => self.predict(&asked),
            Request::Figure(asked) => self.figure(&asked),
        }
    }

    fn read(&mut self, asked: &RunsRequest) -> Result<String, ExplorerError> {
        let lines = asked.table.bytes().filter(|byte| *byte == b'\n').count();
        if lines > MOST_RUNS {
            return Err(ExplorerError::ManyRuns { found: lines });
        }
        let filters: Vec<Filter> = asked.filters.iter().map(|filter| filter.parse()).collect::<Result<_, _>>()?;
        let format = TableFormat::of_name(&asked.name);
        let table = Runs::read(asked.table.as_bytes(), &asked.name, format, asked.skip_bad_rows)?.filtered(&filters)?;
        *self = Self { runs: table.clone(), table, fit: None, plan: None };
        written(&Table::of(&self.table))
    }

    fn refit(&mut self, asked: &FitRequest) -> Result<String, ExplorerError> {
        checked(asked.level)?;
        if self.table.kept.is_empty() {
            return Err(ExplorerError::NoRuns);
        }
        let runs = self.table.clone().without(&asked.without);
        let objective = asked.objective.as_deref().map(str::parse::<Objective>).transpose()?;
        let options = FitOptions {
            method: Method::named(asked.law.as_deref(), objective, &runs)?,
            draws: asked.draws,
            seed: asked.seed,
            threads: 1,
            keep_unfinished: asked.keep_unfinished,
            ..FitOptions::default()
        };
        let fit = of_recipe(fit(&runs, &options)?, asked.recipe.as_deref())?;
        *self = Self { table: std::mem::take(&mut self.table), runs, fit: Some(fit), plan: None };
        self.described(asked.level)
    }

    fn load(&mut self, asked: &LoadRequest) -> Result<String, ExplorerError> {
        checked(asked.level)?;
        let fit = match &asked.fit {
            FitSource::File(text) => Fit::from_json(text, "fit.json")?,
            FitSource::Published(name) => {
                Fit::from_published(published(name).ok_or_else(|| ExplorerError::unpublished(name))?)
            }
        };
        let has_runs = !self.table.kept.is_empty();
        if has_runs && fit.fingerprint().is_some_and(|fitted| fitted != self.table.fingerprint()) {
            return Err(ExplorerError::OtherRuns);
        }
        let fit = of_recipe(fit, asked.recipe.as_deref())?;
        *self = Self { runs: self.table.clone(), table: std::mem::take(&mut self.table), fit: Some(fit), plan: None };
        self.described(asked.level)
    }

    /// The fit's file and its words.
    fn described(&self, level: f64) -> Result<String, ExplorerError> {
        let fit = self.fit.as_ref().ok_or(ExplorerError::NoFit)?;
        let provenance = Provenance { version: env!("CARGO_PKG_VERSION").to_owned(), command: "explorer".to_owned() };
        let file = RawValue::from_string(fit.to_json(level, &provenance))?;
        written(&Fitted { fit: &file, words: Brief::of_fit(fit, level), largest_flops: self.runs.largest_flops() })
    }

    fn replan(&mut self, asked: &PlanRequest) -> Result<String, ExplorerError> {
        let fit = self.thinned(asked.draws)?;
        let plan = fit.answer(&asked.question, checked(asked.level)?)?.with_blueprint(&Given::default());
        let reply = written(&Planned { plan: &plan, words: Brief::of_plan(&plan) });
        self.plan = Some(plan);
        reply
    }

    fn predict(&self, asked: &PredictRequest) -> Result<String, ExplorerError> {
        let fit = self.fit.as_ref().ok_or(ExplorerError::NoFit)?;
        let (params, tokens): (Params, Tokens) = (asked.params.parse()?, asked.tokens.parse()?);
        let prediction = fit.predict(params, tokens, checked(asked.level)?)?;
        written(&Predictions::single(fit, &prediction))
    }

    fn figure(&self, asked: &FigureRequest) -> Result<String, ExplorerError> {
        let fit = self.thinned(asked.draws)?;
        let figure = self.drawn(asked.kind, &fit, checked(asked.level)?)?;
        let text = match asked.format {
            FigureFormat::Svg => svg(&figure, &Page { theme: asked.theme.into(), width: asked.width }),
            FigureFormat::Csv => csv(&figure),
        };
        let Figure { title, .. } = figure;
        written(&Drawn { title, text })
    }

    fn drawn(&self, kind: FigureKind, fit: &Fit, level: f64) -> Result<Figure, ExplorerError> {
        // The table of models is part of the program, like that of accelerators.
        let (runs, plan, models) = (&self.runs, self.plan.as_ref(), &models().unwrap_or_default());
        Ok(match kind {
            FigureKind::Valleys => valleys(&ValleysInput { runs, fit, level, claim: None, verdict: None }),
            FigureKind::Forecast => forecast(&ForecastInput { runs, fit, level, plan, claim: None, verdict: None }),
            FigureKind::Residuals => residuals(runs, fit),
            FigureKind::Contour => contour(&ContourInput { runs, fit, level, plan, models }),
            FigureKind::Ratios => ratios(&RatiosInput { runs, fit, level, plan, models }),
            FigureKind::Panels => panels(runs, fit, level),
            FigureKind::Exponents => exponents(fit, level).ok_or(ExplorerError::NoExponents)?,
        })
    }

    fn thinned(&self, draws: Option<usize>) -> Result<Fit, ExplorerError> {
        let fit = self.fit.as_ref().ok_or(ExplorerError::NoFit)?;
        Ok(fit.thinned(draws.unwrap_or(usize::MAX)))
    }
}

fn of_recipe(fit: Fit, recipe: Option<&str>) -> Result<Fit, QuestionError> {
    recipe.map_or_else(|| Ok(fit.clone()), |recipe| fit.of_recipe(recipe))
}

fn checked(level: f64) -> Result<f64, ExplorerError> {
    if level > 0.0 && level < 1.0 { Ok(level) } else { Err(ExplorerError::Level(level)) }
}

fn written(reply: &impl Serialize) -> Result<String, ExplorerError> {
    Ok(serde_json::to_string(reply)?)
}

fn known() -> Result<String, ExplorerError> {
    // The table is part of the program, and the library's tests read it.
    let accelerators = accelerators().unwrap_or_default();
    let laws = law::all().iter().map(|law| Law { name: law.name(), formula: law.formula().to_owned() }).collect();
    written(&Known {
        accelerators,
        laws,
        objectives: Objective::EXAMPLES,
        largest_request: LARGEST_REQUEST,
        published: PUBLISHED.iter().map(|set| set.name).collect(),
    })
}

#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Known {
    accelerators: Vec<Accelerator>,
    laws: Vec<Law>,
    objectives: [&'static str; 8],
    largest_request: usize,
    published: Vec<&'static str>,
}

#[derive(Serialize)]
struct Law {
    name: &'static str,
    formula: String,
}

/// What was read.
#[derive(Serialize)]
struct Table<'a> {
    kept: Vec<Row<'a>>,
    dropped: Vec<Left<'a>>,
    n_dropped: usize,
    columns: Vec<String>,
    runs_sha256: String,
}

#[derive(Serialize)]
struct Row<'a> {
    run: &'a str,
    params: Params,
    tokens: Tokens,
    flops: Flops,
    loss: Nats,
}

#[derive(Serialize)]
struct Left<'a> {
    run: &'a str,
    why: String,
}

impl<'a> Table<'a> {
    fn of(runs: &'a Runs) -> Self {
        let row = |run: &'a isoflop::Run| Row {
            run: &run.name,
            params: run.params,
            tokens: run.tokens,
            flops: run.flops,
            loss: run.loss,
        };
        let left = |dropped: &'a isoflop::Dropped| Left { run: &dropped.name, why: dropped.reason.to_string() };
        Self {
            kept: runs.kept.iter().map(row).collect(),
            dropped: runs.dropped.iter().take(SHOWN_DROPPED).map(left).collect(),
            n_dropped: runs.dropped.len(),
            columns: runs.columns(),
            runs_sha256: runs.fingerprint(),
        }
    }
}

#[derive(Serialize)]
struct Fitted<'a> {
    /// `fit.json`.
    fit: &'a RawValue,
    words: Brief,
    largest_flops: Option<Flops>,
}

#[derive(Serialize)]
struct Planned<'a> {
    /// `plan.json`.
    plan: &'a Plan,
    words: Brief,
}

#[derive(Serialize)]
struct Drawn {
    title: String,
    text: String,
}
