//! The API described for programs: an `OpenAPI` 3.1 document, made of the table of routes and of
//! the types that are written. Nothing is described twice, so nothing can be described otherwise.

use std::borrow::Cow;

use axum::Json;
use axum::extract::{self, Extension, RawQuery};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::SharedState;
use super::answer::{HttpProblem, problem};
use super::parameter::{Parameter, Shape};
use super::query::QueryParameters;
use super::route::{AnswerKind, Form, Route, RouteTable, Side};
use crate::domain::base::model::{AccountId, PackName, Region};

/// What has to be known of all answers.
const ABOUT: &str = "\
The organization conformance packs that conformd manages, and what it observed of them. All \
requests but one only read, from memory, without a call to AWS.

Every answer in JSON carries `version`, which changes when a member goes away or changes its \
meaning, and `simulated`. This document is exact for the daemon that serves it; a later version \
may add members, so clients must ignore unknown members. Every path that answers GET also \
answers HEAD. An unknown parameter is refused by name. Headers of more than 16 KiB are \
refused with 431 and without a body.";

/// `GET /api/v1/openapi.json`
pub(super) async fn show(
    extract::State(server): extract::State<SharedState>,
    Extension(listing): Extension<RouteTable>,
    RawQuery(query): RawQuery,
) -> Response {
    match QueryParameters::read(query.as_deref(), &[]) {
        Ok(_) => Json(&**listing.document).into_response(),
        Err(why) => problem(&server, StatusCode::BAD_REQUEST, &why),
    }
}

/// The form of the document itself; what is in it is the specification's business.
pub(super) struct OpenApiDocument;

impl JsonSchema for OpenApiDocument {
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "required": ["openapi", "info", "paths", "components"] })
    }
}

/// Makes the document.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.contract = Contract::Serialize;
            settings.meta_schema = None;
        })
        .with_transform(RecursiveTransform(close))
        .into_generator();
    let mut paths = Map::new();
    for route in routes {
        let verb = if route.is_mutation { "post" } else { "get" };
        paths.insert(route.path.to_owned(), json!({ verb: operation(route, &mut generator) }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "conformd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "headers": { "Simulated": {
                "description": "Present, and true, when the built-in simulator stands in for AWS.",
                "schema": { "type": "string", "enum": ["true"] }
            } },
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The token in the file that http.tokenFile names."
            } }
        }
    })
}

/// Lets an object have no members but those that are described.
fn close(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let Route { path: _, side: _, id, about, more, is_mutation, parameters, answers, serve: _ } =
        route;
    let given: Vec<Value> = parameters.iter().map(|it| parameter(it, generator)).collect();
    let mut responses = Map::new();
    for answer in answers.iter().chain(refusals(route)) {
        let code = answer.code.to_string();
        responses.entry(code).or_insert_with(|| response(answer, generator));
    }
    let security = if *is_mutation { json!([{ "token": [] }]) } else { json!([]) };
    json!({
        "operationId": id,
        "summary": about,
        "description": more,
        "parameters": given,
        "responses": responses,
        "security": security
    })
}

fn parameter(parameter: &Parameter, generator: &mut SchemaGenerator) -> Value {
    let Parameter { name, about, in_path, shape } = parameter;
    let place = if *in_path { "path" } else { "query" };
    let (style, explode) = match (in_path, shape) {
        (true, _) => ("simple", false),
        // With commas between them, and not the parameter again and again.
        (false, Shape::Regions) => ("form", false),
        (false, _) => ("form", true),
    };
    json!({
        "name": name,
        "in": place,
        "required": in_path,
        "description": about,
        "style": style,
        "explode": explode,
        "schema": shape_schema(shape, generator)
    })
}

fn shape_schema(shape: &Shape, generator: &mut SchemaGenerator) -> Value {
    match shape {
        Shape::Word(words) => json!({ "type": "string", "enum": words() }),
        Shape::Number { min, max, default: None } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Shape::Number { min, max, default: Some(default) } => {
            json!({ "type": "integer", "minimum": min, "maximum": max, "default": default })
        }
        Shape::Regions => {
            let region = generator.subschema_for::<Region>();
            json!({ "type": "array", "items": region, "minItems": 1 })
        }
        Shape::Region => json!(generator.subschema_for::<Region>()),
        Shape::Pack => json!(generator.subschema_for::<PackName>()),
        Shape::Account => json!(generator.subschema_for::<AccountId>()),
        Shape::Text => json!({ "type": "string" }),
    }
}

/// A refusal, with the problem in words.
const fn refusal(code: u16, about: &'static str) -> AnswerKind {
    const PROBLEM: &[Form] = &[Form::Json(SchemaGenerator::subschema_for::<HttpProblem<'static>>)];
    AnswerKind { code, about, forms: PROBLEM }
}

/// What is not understood, of the API alone: other pages take any question.
const STRICT: [AnswerKind; 1] = [refusal(400, "The path, a parameter or the body cannot be read.")];
/// Of what is asked for by name.
const NAMED: [AnswerKind; 1] = [refusal(404, "Not found; the message suggests a similar name.")];
/// Of what changes something.
const GUARDED: [AnswerKind; 2] = [
    refusal(401, "The token is missing or wrong."),
    refusal(403, "No token is configured, or the request comes from a web page."),
];
/// Of everything but metrics and health.
const NAMED_HOST: [AnswerKind; 1] =
    [refusal(421, "The server listens on a loopback address, and the host name is another one.")];
/// Of everything.
const COMMON: [AnswerKind; 5] = [
    refusal(405, "This path does not support the method."),
    refusal(408, "It took more than 10 seconds."),
    refusal(413, "The body is larger than 64 KiB."),
    refusal(500, "A bug; the log of the daemon has the details."),
    refusal(503, "The daemon is stopping."),
];

/// The refusals of a route.
fn refusals(route: &Route) -> impl Iterator<Item = &'static AnswerKind> {
    let is_named = |it: &&Parameter| match it.shape {
        Shape::Region | Shape::Regions | Shape::Pack | Shape::Account => true,
        Shape::Word(_) | Shape::Number { .. } | Shape::Text => false,
    };
    let strict = route.path.starts_with("/api/").then_some(&STRICT).into_iter().flatten();
    let is_named = route.parameters.iter().any(is_named);
    let named = is_named.then_some(&NAMED).into_iter().flatten();
    let guarded = route.is_mutation.then_some(&GUARDED).into_iter().flatten();
    let named_host = (route.side == Side::Main).then_some(&NAMED_HOST).into_iter().flatten();
    strict.chain(guarded).chain(named).chain(named_host).chain(&COMMON)
}

fn response(answer: &AnswerKind, generator: &mut SchemaGenerator) -> Value {
    let AnswerKind { code, about, forms } = answer;
    let content: Map<String, Value> = forms
        .iter()
        .map(|form| match form {
            Form::Json(schema) => {
                ("application/json".to_owned(), json!({ "schema": schema(generator) }))
            }
            Form::Text => ("text/plain".to_owned(), json!({ "schema": { "type": "string" } })),
            Form::Csv => ("text/csv".to_owned(), json!({ "schema": { "type": "string" } })),
        })
        .collect();
    let required = match code {
        401 => Some("www-authenticate"),
        405 => Some("allow"),
        _ => None,
    };
    let required = required
        .map(|name| (name.to_owned(), json!({ "required": true, "schema": { "type": "string" } })));
    let simulated = json!({ "$ref": "#/components/headers/Simulated" });
    let headers: Map<String, Value> =
        [("x-conformd-simulated".to_owned(), simulated)].into_iter().chain(required).collect();
    json!({ "description": about, "headers": headers, "content": content })
}
