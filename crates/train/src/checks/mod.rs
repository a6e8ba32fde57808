//! Checks of the whole model that need its inside: gradients against finite differences, steps against PyTorch.

mod finite_differences;
mod reference;
