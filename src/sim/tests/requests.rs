//! Requests that are refused, throttled, lost, answered late or made by somebody else.

use super::*;

#[test]
fn quotas_of_packs_and_of_rules_per_member_are_kept() {
    let mut knobs = Knobs::instant();
    knobs.quotas.packs = 2;
    let mut bench = Bench::of(2, knobs);
    bench.put("a").unwrap();
    bench.put("b").unwrap();
    let refusal = "MaxNumberOfOrganizationConformancePacksExceededException";
    assert_eq!(bench.put("c"), Err(refusal.into()));
    bench.put("a").expect("updates go on");
    bench.delete("b").unwrap();
    bench.put("c").expect("there is room again");

    let mut knobs = Knobs::instant();
    knobs.quotas.member_rules = 1;
    let mut bench = Bench::of(2, knobs);
    let elsewhere = excluding(&[&account(1)]);
    let other = Some("other".to_owned());
    bench.put_with(PutPack { organization_conformance_pack_name: other, ..elsewhere }).unwrap();
    bench.put("base").unwrap();
    let rows = bench.rows("base", &DetailFilters::default());
    let statuses: Vec<&str> = rows.iter().map(|(_, status)| status.as_str()).collect();
    assert_eq!(statuses, ["CREATE_FAILED", "CREATE_SUCCESSFUL"]);
}

#[test]
fn owners_see_only_their_own_packs_and_members_see_none() {
    let mut setup = setup(4, Knobs::instant());
    setup.administrators = BTreeSet::from([account(1), account(2)]);
    let mut bench = Bench::new(setup);
    bench.put("base").unwrap();
    let listed = |bench: &mut Bench, number| {
        let place = Place { account: account(number), ..bench.place.clone() };
        let request = Request::DescribeOrganizationConformancePacks(DescribePacks::default());
        match bench.world.call(bench.now, &Caller::client(&place), request) {
            Reply::Answer(Answer::DescribeOrganizationConformancePacks(packs)) => {
                packs.organization_conformance_packs.len().to_string()
            }
            Reply::Fault(fault) => fault.code,
            other @ (Reply::Answer(_) | Reply::Broken(_)) => format!("{other:?}"),
        }
    };
    let seen: Vec<String> = (0..4).map(|number| listed(&mut bench, number)).collect();
    assert_eq!(seen, ["0", "1", "0", "OrganizationAccessDeniedException"]);
}

#[test]
fn malformed_puts_are_refused_in_aws_words() {
    let mut bench = Bench::of(1, Knobs::instant());
    let named =
        |name: &str| PutPack { organization_conformance_pack_name: Some(name.into()), ..plain() };
    let input =
        |name: &str| InputParameter { parameter_name: name.into(), parameter_value: String::new() };
    let bad = [
        named("1st"),
        PutPack { organization_conformance_pack_name: None, ..plain() },
        PutPack { template_body: None, ..plain() },
        PutPack { template_body: Some("x".repeat(51_201)), ..plain() },
        PutPack { excluded_accounts: Some(vec!["12".into()]), ..plain() },
        PutPack { delivery_s3_bucket: Some("mine".into()), ..plain() },
        PutPack { conformance_pack_input_parameters: Some(vec![input("Other")]), ..plain() },
        PutPack { template_s3_uri: Some("s3://bucket/missing".into()), ..plain() },
    ];
    let refusals: Vec<String> = bad
        .into_iter()
        .map(|put| {
            let request = Request::PutOrganizationConformancePack(put);
            match bench.world.call(bench.now, &Caller::client(&bench.place), request) {
                Reply::Fault(fault) => {
                    let text = fault.message.replace(&"x".repeat(128), "xxx…");
                    format!(
                        "{}\n  {}",
                        fault.code,
                        text.replace(" failed to", "\n  failed to").replace("n: ", "n:\n  ")
                    )
                }
                other @ (Reply::Answer(_) | Reply::Broken(_)) => format!("{other:?}"),
            }
        })
        .collect();
    insta::assert_snapshot!(refusals.join("\n").replace(". ", ".\n  "), @r"
    ValidationException
      1 validation error detected: Value '1st' at 'organizationConformancePackName'
      failed to satisfy constraint: Member must satisfy regular expression pattern:
      [a-zA-Z][-a-zA-Z0-9]*
    ValidationException
      1 validation error detected: Value null at 'organizationConformancePackName'
      failed to satisfy constraint: Member must not be null
    ValidationException
      You must specify either TemplateBody or TemplateS3Uri.
    ValidationException
      1 validation error detected: Value 'xxx…' at 'templateBody'
      failed to satisfy constraint: Member must have length less than or equal to 51200
    ValidationException
      1 validation error detected: Value '12' at 'excludedAccounts'
      failed to satisfy constraint: Member must satisfy regular expression pattern:
      \d{12}
    ValidationException
      The name of the delivery bucket must start with awsconfigconforms.
    OrganizationConformancePackTemplateValidationException
      Invalid conformance pack template provided.
      Errors found: [Parameters: [Other] do not exist in the template].
      Fix your template and try again.
    InsufficientPermissionsException
      The template cannot be read from the Amazon S3 location.
    ");
}

#[test]
fn a_stale_read_shows_the_world_as_it_was() {
    let mut bench = Bench::of(2, Knobs::instant());
    bench.put("old").unwrap();
    bench.pass(HOUR).put("new").unwrap();
    let by = 30 * MINUTE;
    bench.world.add_fault(FaultRule::always(FaultEffect::Stale { by }).nth(0, 1));
    assert_eq!(bench.list(), ["old"]);
    assert_eq!(bench.list(), ["new", "old"]);
}

#[test]
fn a_lost_answer_leaves_the_effect_and_a_lost_request_does_not() {
    for (stage, packs) in [(FaultStage::Before, 0), (FaultStage::After, 1)] {
        let mut bench = Bench::of(2, Knobs::instant());
        let put = Operation::PutOrganizationConformancePack;
        bench.world.add_fault(FaultRule::always(FaultEffect::Reset { stage }).on(put));
        assert_eq!(bench.put("base"), Err("Reset".into()));
        assert_eq!(bench.list().len(), packs);
        assert_eq!(bench.world.log().puts(), packs as u64);
        assert_eq!(bench.world.log().count(put), 1);
    }
}

#[test]
fn faults_keep_to_their_window_region_and_count() {
    let mut bench = Bench::of(2, Knobs::instant());
    let window = (after(bench.now, MINUTE), after(bench.now, HOUR));
    let rule = FaultRule::always(FaultEffect::Throttled)
        .in_region(&bench.place.region)
        .between(window.0, window.1)
        .nth(1, 2);
    bench.world.add_fault(rule);
    let outcomes: Vec<bool> = (0..5).map(|_| bench.pass(20 * MINUTE).put("base").is_ok()).collect();
    assert_eq!(outcomes, [true, false, true, true, true]);
}

#[test]
fn another_writer_can_change_the_template_and_leave_everything_else() {
    let mut bench = Bench::of(2, Knobs::instant());
    bench.put_with(excluding(&[&account(1)])).unwrap();
    let name: PackName = "base".parse().unwrap();
    let before = bench.world.template(&bench.place, &name).unwrap();
    let body = format!("{TEMPLATE}# changed\n");
    bench.pass(HOUR);
    let (place, now) = (bench.place.clone(), bench.now);
    bench.world.change_template_by_other(now, &place, &name, &body).unwrap();
    let template = bench.world.template(&place, &name).unwrap();
    assert_ne!(before.digest, template.digest);
    assert_eq!(bench.row("base", &account(1)), "none");
    assert_eq!(bench.world.log().puts(), 1, "only the client's own count");
}

#[test]
fn listings_can_be_cut_short_or_never_end() {
    let mut bench = Bench::of(45, Knobs::instant());
    let page = |bench: &mut Bench, next_token| {
        let asked = organizations::Paged { max_results: None, next_token };
        let answer = bench.ask(Request::ListAccounts(asked)).unwrap();
        let Answer::ListAccounts(list) = answer else { panic!("{answer:?}") };
        (list.accounts.len(), list.next_token)
    };
    bench.world.add_fault(FaultRule::always(FaultEffect::Short).nth(0, 1));
    assert_eq!(page(&mut bench, None), (10, None));
    bench.world.add_fault(FaultRule::always(FaultEffect::Endless { same_token: false }).nth(0, 5));
    let mut tokens = BTreeSet::new();
    let mut token = None;
    for _ in 0..5 {
        let (count, next) = page(&mut bench, token);
        assert_eq!(count, 20);
        assert!(tokens.insert(next.clone().unwrap()));
        token = next;
    }
}
