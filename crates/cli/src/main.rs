//! The binary `isoflop`: typed arguments, one library call, rendering. No arithmetic happens here.

mod arguments;
mod commands;
mod demo;
mod figure;
mod input;
mod lab;
mod output;
mod pages;
mod record;
mod sweeps;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// What a command came to; the exit codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// 0: done.
    Done,
    /// 1: a claim was missed, or a check failed.
    Missed,
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let outcome = match command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Lab(arguments) => lab::run(&arguments),
        Command::Train(arguments) => commands::train::run(&arguments),
        Command::Sample(arguments) => commands::sample::run(&arguments),
        Command::Tune(arguments) => commands::tune::run(&arguments),
        Command::Recipe(arguments) => commands::recipe::run(&arguments),
        Command::Fit(arguments) => commands::fit::run(&arguments),
        Command::Diagnose(arguments) => commands::diagnose::run(&arguments),
        Command::Backtest(arguments) => commands::backtest::run(&arguments),
        Command::Predict(arguments) => commands::predict::run(&arguments),
        Command::Plan(arguments) => commands::plan::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Figure(arguments) => commands::figure::run(&arguments),
        Command::Next(arguments) => commands::next::run(&arguments),
        Command::Claim(arguments) => commands::claim::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::Record(arguments) => commands::record::run(&arguments),
        Command::Sandbox(arguments) => commands::sandbox::run(&arguments),
        Command::Laws(arguments) => commands::laws::run(&arguments),
        Command::Gpus(arguments) => commands::gpus::run(&arguments),
        Command::Models(arguments) => commands::models::run(&arguments),
        Command::Compare(arguments) => commands::compare::run(&arguments),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Missed) => ExitCode::from(1),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(2)
        }
    }
}
