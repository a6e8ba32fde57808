//! Robust nonlinear least squares, variable projection and resampling; has never heard of tokens.
