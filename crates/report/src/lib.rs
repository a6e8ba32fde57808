//! Text, Markdown and figures from isoflop's types.
