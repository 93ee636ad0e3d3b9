//! The API of AWS Organizations: who may ask, and the listings of accounts, units and delegations.

use std::collections::btree_map::Entry;

use super::api::epoch::Epoch;
use super::api::organizations as shape;
use super::api::{Answer, ApiError, Caller, Operation, Request};
use super::members::SimAccount;
use super::organization::ORGANIZATION;
use super::paging::BadToken;
use super::refusals;
use super::setup::{Features, ROOT};
use super::timeline::after;
use super::world::World;
use crate::domain::base::model::{AccountId, AccountState, Region, Timestamp};

/// Entries of one page (AWS Organizations API: `MaxResults`).
const PAGE_MAX: usize = 20;

/// Delegated administrators per service (AWS Organizations quota for this principal).
const ADMINISTRATORS_MAX: usize = 3;

/// A page of what is asked for.
type DirectoryPage<'a> = (&'a str, Option<i64>, Option<&'a str>);

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other services answer elsewhere")]
    pub(super) fn execute_organizations(
        &mut self,
        at: Timestamp,
        caller: &Caller,
        request: Request,
    ) -> Result<Answer, ApiError> {
        use {Answer as A, Request as R};
        if self.tree.features == Features::NoOrganization {
            return Err(refusals::organizations_not_in_use());
        }
        self.check_organizations_caller(caller, request.operation())?;
        Ok(match request {
            R::DescribeOrganization(_) => A::DescribeOrganization(self.describe_organization()),
            R::DescribeAccount(asked) => A::DescribeAccount(self.describe_account(at, &asked)?),
            R::ListAccounts(asked) => {
                A::ListAccounts(self.accounts(at, caller, None, paged(&asked))?)
            }
            R::ListAccountsForParent(asked) => {
                let parent = self.parent(asked.parent_id.as_deref())?;
                let page = ("", asked.max_results, asked.next_token.as_deref());
                A::ListAccountsForParent(self.accounts(at, caller, Some(parent), page)?)
            }
            R::ListParents(asked) => A::ListParents(self.parents(at, asked.child_id.as_deref())?),
            R::ListChildren(asked) => A::ListChildren(self.children(at, caller, &asked)?),
            R::ListRoots(_) => A::ListRoots(self.roots()),
            R::ListOrganizationalUnitsForParent(asked) => {
                A::ListOrganizationalUnitsForParent(self.units(caller, &asked)?)
            }
            R::ListTagsForOrganizationResource(asked) => {
                A::ListTagsForOrganizationResource(self.account_tags(at, caller, &asked)?)
            }
            R::ListDelegatedAdministrators(asked) => {
                A::ListDelegatedAdministrators(self.administrators(at, caller, &asked)?)
            }
            R::ListAWSServiceAccessForOrganization(asked) => {
                let services = self.trusted_principals(caller, paged(&asked))?;
                A::ListAWSServiceAccessForOrganization(services)
            }
            R::EnableAWSServiceAccess(asked) => {
                let principal = required(asked.service_principal, "servicePrincipal")?;
                let now = self.moment();
                self.tree.trusted.entry(principal).or_insert(now);
                A::EnableAWSServiceAccess(())
            }
            R::DisableAWSServiceAccess(asked) => {
                let principal = required(asked.service_principal, "servicePrincipal")?;
                self.tree.trusted.remove(&principal);
                A::DisableAWSServiceAccess(())
            }
            R::RegisterDelegatedAdministrator(asked) => {
                A::RegisterDelegatedAdministrator(self.register(asked)?)
            }
            R::DeregisterDelegatedAdministrator(asked) => {
                A::DeregisterDelegatedAdministrator(self.deregister(asked)?)
            }
            other => {
                let operation = other.operation();
                return Err(ApiError::new("UnknownOperationException", operation.as_str()));
            }
        })
    }

    /// Members may describe the organization; lists are for the management account and for any
    /// delegated administrator; changes for the management account.
    fn check_organizations_caller(
        &self,
        caller: &Caller,
        operation: Operation,
    ) -> Result<(), ApiError> {
        let member = self.members.find(&caller.account);
        if member.and_then(|member| member.stay(self.moment())).is_none() {
            return Err(refusals::organizations_not_in_use());
        }
        // As AWS documents: members may only describe the organization, delegated administrators
        // may also read lists.
        let allowed = caller.account == self.tree.management
            || operation == Operation::DescribeOrganization
            || (!operation.is_mutating() && self.tree.is_administrator(&caller.account));
        if allowed { Ok(()) } else { Err(refusals::access_denied()) }
    }

    fn describe_organization(&self) -> shape::OrganizationAnswer {
        let management = &self.tree.management;
        let feature_set = match self.tree.features {
            Features::All => "ALL",
            Features::ConsolidatedBilling | Features::NoOrganization => "CONSOLIDATED_BILLING",
        };
        shape::OrganizationAnswer {
            organization: shape::OrganizationShape {
                id: ORGANIZATION.to_owned(),
                arn: format!("arn:aws:organizations::{management}:organization/{ORGANIZATION}"),
                feature_set: feature_set.to_owned(),
                master_account_arn: self.tree.arn("account", management.as_str()),
                master_account_id: management.to_string(),
                master_account_email: email(management),
            },
        }
    }

    fn describe_account(
        &self,
        at: Timestamp,
        asked: &shape::AccountRef,
    ) -> Result<shape::AccountAnswer, ApiError> {
        let id = asked.account_id.as_deref().and_then(|id| id.parse().ok());
        let account = id.and_then(|id| self.members.find(&id));
        let shown = account.and_then(|account| self.account_shape(account, at));
        shown.map(|account| shape::AccountAnswer { account }).ok_or_else(|| {
            ApiError::new(
                "AccountNotFoundException",
                "You specified an account that doesn't exist.",
            )
        })
    }

    fn accounts(
        &self,
        at: Timestamp,
        caller: &Caller,
        parent: Option<&str>,
        page: DirectoryPage<'_>,
    ) -> Result<shape::AccountsShape, ApiError> {
        let pick = |number: usize| {
            let account = self.members.get(number)?;
            let below = parent.is_none_or(|parent| account.parent == parent);
            self.account_shape(account, at).filter(|_| below)
        };
        let scope = format!("accounts {}", parent.unwrap_or_default());
        let (accounts, next_token) =
            self.page(caller, (&scope, page.1, page.2), self.members.count(), pick)?;
        Ok(shape::AccountsShape { accounts, next_token })
    }

    fn parents(&self, at: Timestamp, child: Option<&str>) -> Result<shape::ParentList, ApiError> {
        let child = child.unwrap_or_default();
        let account: Option<AccountId> = child.parse().ok();
        let account = account.and_then(|id| self.members.find(&id));
        let account = account.filter(|account| account.stay(at).is_some());
        let parent = match (account, self.tree.unit(child)) {
            (Some(account), _) => &account.parent,
            (None, Some(unit)) => &unit.parent,
            (None, None) => {
                let text = "You specified a child that doesn't exist.";
                return Err(ApiError::new("ChildNotFoundException", text));
            }
        };
        Ok(shape::ParentList { parents: vec![node(parent)], next_token: None })
    }

    fn children(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &shape::ListChildren,
    ) -> Result<shape::ChildList, ApiError> {
        let parent = self.parent(asked.parent_id.as_deref())?;
        let scope = format!("children {parent} {:?}", asked.child_type);
        let page = (scope.as_str(), asked.max_results, asked.next_token.as_deref());
        let (children, next_token) = match asked.child_type.as_deref() {
            Some("ACCOUNT") => self.page(caller, page, self.members.count(), |number| {
                let account = self.members.get(number)?;
                let here = account.parent == parent && account.stay(at).is_some();
                here.then(|| node(account.id.as_str()))
            })?,
            Some("ORGANIZATIONAL_UNIT") => {
                self.page(caller, page, self.tree.units.len(), |index| {
                    let unit = self.tree.units.get(index)?;
                    (unit.parent == parent).then(|| node(&unit.id))
                })?
            }
            _ => return Err(refusals::input("INVALID_ENUM", "Invalid child type.")),
        };
        Ok(shape::ChildList { children, next_token })
    }

    fn roots(&self) -> shape::RootList {
        let root = shape::UnitShape {
            id: ROOT.to_owned(),
            arn: self.tree.arn("root", ROOT),
            name: "Root".to_owned(),
            path: None,
        };
        shape::RootList { roots: vec![root], next_token: None }
    }

    fn units(&self, caller: &Caller, asked: &shape::OfParent) -> Result<shape::UnitList, ApiError> {
        let parent = self.parent(asked.parent_id.as_deref())?;
        let scope = format!("units {parent}");
        let page = (scope.as_str(), asked.max_results, asked.next_token.as_deref());
        let (organizational_units, next_token) =
            self.page(caller, page, self.tree.units.len(), |index| {
                let unit = self.tree.units.get(index)?;
                (unit.parent == parent).then(|| self.tree.unit_shape(unit))
            })?;
        Ok(shape::UnitList { organizational_units, next_token })
    }

    fn account_tags(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &shape::OfResource,
    ) -> Result<shape::OrganizationTagsShape, ApiError> {
        let resource = asked.resource_id.as_deref().unwrap_or_default();
        let account: Option<AccountId> = resource.parse().ok();
        let account = account.and_then(|id| self.members.find(&id));
        let tags: Vec<_> = match account.filter(|account| account.stay(at).is_some()) {
            Some(account) => account.tags.iter().collect(),
            None if self.tree.has_parent(resource) => Vec::new(),
            None => {
                let text = "We can't find a root, OU, account, or policy with the target ID.";
                return Err(ApiError::new("TargetNotFoundException", text));
            }
        };
        let scope = format!("tags {resource}");
        let page = (scope.as_str(), None, asked.next_token.as_deref());
        let (tags, next_token) = self.page(caller, page, tags.len(), |index| {
            let (key, value) = *tags.get(index)?;
            Some(shape::Tag { key: key.clone(), value: value.clone() })
        })?;
        Ok(shape::OrganizationTagsShape { tags, next_token })
    }

    fn administrators(
        &self,
        at: Timestamp,
        caller: &Caller,
        asked: &shape::OfPrincipal,
    ) -> Result<shape::AdministratorList, ApiError> {
        let principal = asked.service_principal.as_deref();
        let delegations: Vec<_> = self.tree.delegations.iter().collect();
        let pick = |index: usize| {
            let ((service, id), since) = *delegations.get(index)?;
            let account = self.account_shape(self.members.find(id)?, at)?;
            let shown = principal.is_none_or(|principal| principal == service);
            shown.then_some(shape::Administrator {
                id: account.id,
                arn: account.arn,
                email: account.email,
                name: account.name,
                state: account.state,
                status: account.status,
                joined_method: account.joined_method,
                joined_timestamp: account.joined_timestamp,
                delegation_enabled_date: Epoch::of(*since),
            })
        };
        let scope = format!("administrators {principal:?}");
        let page = (scope.as_str(), asked.max_results, asked.next_token.as_deref());
        let (delegated_administrators, next_token) =
            self.page(caller, page, delegations.len(), pick)?;
        Ok(shape::AdministratorList { delegated_administrators, next_token })
    }

    fn trusted_principals(
        &self,
        caller: &Caller,
        (_, max_results, token): DirectoryPage<'_>,
    ) -> Result<shape::PrincipalList, ApiError> {
        let enabled: Vec<_> = self.tree.trusted.iter().collect();
        let page = ("services", max_results, token);
        let (enabled_service_principals, next_token) =
            self.page(caller, page, enabled.len(), |index| {
                let (principal, since) = *enabled.get(index)?;
                Some(shape::EnabledPrincipal {
                    service_principal: principal.clone(),
                    date_enabled: Epoch::of(*since),
                })
            })?;
        Ok(shape::PrincipalList { enabled_service_principals, next_token })
    }

    fn register(&mut self, asked: shape::Delegation) -> Result<(), ApiError> {
        let principal = required(asked.service_principal, "servicePrincipal")?;
        let account = required(asked.account_id, "accountId")?;
        let account: Option<AccountId> = account.parse().ok();
        let known = account.filter(|id| self.members.find(id).is_some());
        let account = known.ok_or_else(|| {
            ApiError::new(
                "AccountNotFoundException",
                "You specified an account that doesn't exist.",
            )
        })?;
        let count = self.tree.delegations.keys().filter(|(one, _)| *one == principal).count();
        if count >= ADMINISTRATORS_MAX {
            let text = "You have reached the limit of delegated administrators.";
            return Err(ApiError::new("ConstraintViolationException", text)
                .with_reason("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"));
        }
        let now = self.moment();
        if let Entry::Vacant(vacant) = self.tree.delegations.entry((principal, account)) {
            vacant.insert(now);
            return Ok(());
        }
        let text = "The account is already a delegated administrator.";
        Err(ApiError::new("AccountAlreadyRegisteredException", text))
    }

    fn deregister(&mut self, asked: shape::Delegation) -> Result<(), ApiError> {
        let principal = required(asked.service_principal, "servicePrincipal")?;
        let account: Option<AccountId> = required(asked.account_id, "accountId")?.parse().ok();
        let removed =
            account.and_then(|account| self.tree.delegations.remove(&(principal, account)));
        removed.map(|_| ()).ok_or_else(|| {
            let text = "The account is not a delegated administrator for this service.";
            ApiError::new("AccountNotRegisteredException", text)
        })
    }

    fn account_shape(&self, account: &SimAccount, at: Timestamp) -> Option<shape::AccountShape> {
        let stay = account.stay(at)?;
        // A new account is listed only after a delay, as AWS's lists lag behind.
        if at < after(stay.joined_timestamp(), self.knobs.lag.accounts) {
            return None;
        }
        let id = account.id.as_str();
        let show = &self.knobs.accounts;
        let state = *account.state.at(at);
        Some(shape::AccountShape {
            id: id.to_owned(),
            arn: self.tree.arn("account", id),
            email: email(&account.id),
            name: account.name.clone(),
            state: show.with_state.then(|| state.to_string()),
            status: show.with_status.then(|| status_name(state).to_owned()),
            paths: if show.with_paths {
                vec![format!("{}{id}/", self.tree.path(&account.parent))]
            } else {
                Vec::new()
            },
            joined_method: Some(if account.invited { "INVITED" } else { "CREATED" }.to_owned()),
            joined_timestamp: Some(Epoch(stay.joined_timestamp())),
        })
    }

    fn parent<'a>(&self, id: Option<&'a str>) -> Result<&'a str, ApiError> {
        let known = id.filter(|id| self.tree.has_parent(id));
        known.ok_or_else(|| {
            let text = "We can't find a root or OU with the parent ID that you specified.";
            ApiError::new("ParentNotFoundException", text)
        })
    }

    fn page<T>(
        &self,
        caller: &Caller,
        (scope, max_results, token): DirectoryPage<'_>,
        count: usize,
        pick: impl Fn(usize) -> Option<T>,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let limit = match usize::try_from(max_results.unwrap_or(20)) {
            Ok(0) | Err(_) => {
                return Err(refusals::input("MIN_VALUE_EXCEEDED", "MaxResults is too small."));
            }
            Ok(asked) if asked > PAGE_MAX => {
                return Err(refusals::input("MAX_VALUE_EXCEEDED", "MaxResults is too large."));
            }
            Ok(asked) => asked,
        };
        // AWS Organizations is one endpoint: tokens are good from every region.
        let region_less = Caller { region: self.home_region(caller), ..caller.clone() };
        let listing = self.listing("Organizations", &region_less, scope);
        let cut = listing.cut(token, count, limit, pick).map_err(|BadToken| {
            refusals::input("INVALID_NEXT_TOKEN", "You provided an invalid NextToken.")
        })?;
        Ok((cut.items, cut.next))
    }

    fn home_region(&self, caller: &Caller) -> Region {
        self.regions.first().unwrap_or(&caller.region).clone()
    }
}

fn paged(asked: &shape::Paged) -> DirectoryPage<'_> {
    ("", asked.max_results, asked.next_token.as_deref())
}

fn required(value: Option<String>, member: &str) -> Result<String, ApiError> {
    value.ok_or_else(|| refusals::input("INPUT_REQUIRED", &format!("{member} is required.")))
}

fn node(id: &str) -> shape::TreeNode {
    let kind = match id.split('-').next() {
        Some("r") => "ROOT",
        Some("ou") => "ORGANIZATIONAL_UNIT",
        _ => "ACCOUNT",
    };
    shape::TreeNode { id: id.to_owned(), kind: kind.to_owned() }
}

fn email(account: &AccountId) -> String {
    format!("aws+{account}@example.com")
}

/// The retired field, which never knew all states.
fn status_name(state: AccountState) -> &'static str {
    match state {
        AccountState::PendingActivation | AccountState::Active => "ACTIVE",
        AccountState::Suspended | AccountState::Closed => "SUSPENDED",
        AccountState::PendingClosure => "PENDING_CLOSURE",
    }
}
