//! Ladders of training runs: cells, attempts, and the engine that executes them.
