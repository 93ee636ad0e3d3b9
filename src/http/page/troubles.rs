//! Accounts in trouble over all packs and regions, by what is the matter: who must act, and what to
//! do.

use maud::{Markup, html};

use super::parts::{account_link, cause_text, foreign, listed, pack_path, sign, tone};
use crate::domain::observed::member::StatusKind;
use crate::domain::present::view::text::{many, owner_words, trouble_sign};
use crate::domain::present::view::trouble::{ExampleView, TroubleView};

/// All troubles, the first to be mended first.
pub(super) fn troubles(all: &[TroubleView]) -> Markup {
    let body = html! {
        ul class="entries" { @for trouble in all { (entry(trouble)) } }
    };
    listed("troubles", "Failing accounts", all.len(), &body)
}

fn entry(trouble: &TroubleView) -> Markup {
    let TroubleView {
        status,
        class,
        members: _,
        accounts,
        truncated,
        packs,
        regions,
        owner: _,
        redeployed: _,
        advice,
        examples,
    } = trouble;
    let what = cause_text(*class, *status);
    let mark = trouble_sign(trouble);
    let id = format!("trouble-{}", what.replace(' ', "-"));
    // Only the first members are kept with details, so the number may be a lower bound
    // (`truncated`).
    let shown = examples.len();
    html! {
        li class=(tone(mark)) id=(id) {
            h3 { (sign(mark)) " " (what) }
            p class="scale" {
                @if *truncated { "at least " }
                (many(*accounts, "account")) " · " (many(packs.len(), "pack")) " · "
                (many(regions.len(), "region")) " · owner: " strong { (owner_words(trouble)) }
            }
            p { (foreign(advice)) }
            details id={(id) "-who"} {
                summary {
                    @if shown < *accounts { (shown) " of them" } @else { "who" }
                }
                ul class="examples" { @for example in examples { (one(example, *status)) } }
            }
        }
    }
}

fn one(example: &ExampleView, status: StatusKind) -> Markup {
    let ExampleView { account, name, region, pack, code, message } = example;
    html! {
        li {
            (account_link(*account, name.as_ref())) ", "
            a href={(pack_path(region, pack)) "?status=" (status.as_str())} { (pack.as_str()) }
            " in " (region.as_str())
            (said(code.as_ref(), message.as_ref()))
        }
    }
}

/// What AWS said, word for word.
pub(super) fn said(code: Option<&String>, message: Option<&String>) -> Markup {
    html! {
        @if code.is_some() || message.is_some() {
            p class="said" {
                @if let Some(code) = code { strong { (foreign(code)) } " " }
                @if let Some(message) = message { (foreign(message)) }
            }
        }
    }
}
