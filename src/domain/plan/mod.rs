//! From desired and observed to steps, and which of them may be taken: holds, losses, the guard.

pub mod decision;
pub mod desired;
pub mod diff;
pub mod effective_rules;
pub mod event;
pub mod guard;
pub mod history;
pub mod hold;
pub mod hold_rules;
pub mod loss;
pub mod outcome;
pub mod own_puts;
pub mod parameter_value;
pub mod pending_approval;
pub mod planner;
pub mod record;
pub mod redeploy;
pub mod region_plan;
pub mod step;
pub mod template_change;
pub mod trip;
pub mod window;
