//! The stable names of every finding, with what each means: the error catalogue.
//!
//! The table in `docs/manifests.md` is generated from this one. The words of one finding are
//! written where it is made.

/// Declares the codes and [`ALL`] at once, so that none is missing from the catalogue.
macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code with what it means.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    // Text that is not what it should be.
    UNREADABLE = "unreadable", "A file or a directory could not be read.";
    EMPTY_DIRECTORY = "empty-directory", "A directory beneath the source path holds nothing.";
    ENCODING = "encoding", "The text is not UTF-8.";
    CHARACTER = "character", "A character that readers interpret differently, or that is \
        invisible.";
    DIRECTIVE = "directive", "A `%` line other than `%YAML 1.1` or `%YAML 1.2`.";
    FILE_NAME = "file-name", "A file name contains invisible characters.";
    TOO_LARGE = "too-large", "The file has too many bytes or too many nodes.";
    TOO_DEEP = "too-deep", "Collections are nested too deeply.";
    SYNTAX = "syntax", "The text is not YAML (or, in a `.json` file, not JSON).";
    ALIAS = "alias", "An anchor, alias or merge key, which CloudFormation refuses.";
    DUPLICATE_KEY = "duplicate-key", "A mapping has a key twice.";
    KEY_NOT_TEXT = "key-not-text", "A mapping key is a collection or null.";
    TAG = "tag", "A tag that has no meaning here, or that contradicts its value.";
    // Manifests.
    EMPTY_FILE = "empty-file", "A file with a manifest's suffix declares nothing.";
    NOT_A_MANIFEST = "not-a-manifest", "A file or document is neither a manifest nor a template.";
    MERGE_CONFLICT = "merge-conflict", "The file contains Git's conflict markers.";
    IGNORE_PATTERN = "ignore-pattern", "A line of `.conformdignore` is not a pattern.";
    NEAR_MISS = "near-miss", "A document looks like a manifest, but its apiVersion or kind is \
        wrong.";
    UNKNOWN_FIELD = "unknown-field", "A field that does not exist.";
    MISSING_FIELD = "missing-field", "A required field is missing.";
    WRONG_TYPE = "wrong-type", "A value has the wrong type.";
    MALFORMED = "malformed", "A value has the right type but the wrong format.";
    NAME_LENGTH = "name-length", "The pack name is too long, or longer than is known to work.";
    DUPLICATE = "duplicate", "A list has an entry twice; the second one is ignored.";
    APPROVAL_EXPIRY = "approval-expiry", "An approval has expired, or expires too far ahead.";
    UNENDED = "unended", "A file with an approval ends in the middle of a line.";
    DUPLICATE_NAME = "duplicate-name", "Two manifests claim one name.";
    TEMPLATE_CHOICE = "template-choice", "Not exactly one of file, inline and s3 is given.";
    STATE_CONFLICT = "state-conflict", "A field contradicts `state: Absent`.";
    PATH_ESCAPE = "path-escape", "A path is absolute or leaves the source root.";
    TEMPLATE_MISSING = "template-missing", "The template file is not in the source.";
    TEMPLATE_UNUSED = "template-unused", "No manifest uses the template.";
    TEMPLATE_INVALID = "template-invalid", "The template that the manifest names has errors.";
    TOO_MANY_EXCLUSIONS = "too-many-exclusions", "More accounts are excluded than AWS accepts.";
    TOO_MANY_PARAMETERS = "too-many-parameters", "More parameters than AWS accepts, or may accept.";
    RESERVED_PARAMETER = "reserved-parameter", "`ConformdMarker` is conformd's own parameter.";
    UNDECLARED_PARAMETER = "undeclared-parameter", "The template does not declare the parameter.";
    MISSING_PARAMETER = "missing-parameter", "A parameter has neither a default nor a value.";
    UNUSED_PARAMETER = "unused-parameter", "Nothing in the template uses the parameter.";
    REGION_OUTSIDE = "region-outside", "An override is for a region that the pack is not in.";
    REGION_UNCONFIGURED = "region-unconfigured", "The region is not among the configured ones.";
    REGION_UNKNOWN = "region-unknown", "This version does not know the region: a new one, or a \
        typing error.";
    NOT_DELIVERED = "not-delivered", "Valid, but this version holds the pack instead.";
    BODY_TOO_LARGE = "body-too-large", "The template exceeds what can be sent inline.";
    REMEDIATION_FORBIDDEN = "remediation-forbidden", "The settings allow no remediation.";
    TOO_MANY_PACKS = "too-many-packs", "More packs in a region than AWS accepts, or nearly as \
        many.";
    RULES_IN_REGION = "rules-in-region", "More rules in a region than AWS accepts, or may accept.";
    // Templates.
    MANY_DOCUMENTS = "many-documents", "A template is one document.";
    TEMPLATE_SHAPE = "template-shape", "A part of the template has the wrong type.";
    UNKNOWN_SECTION = "unknown-section", "A top-level key that CloudFormation does not know.";
    UNPROVEN = "unproven", "CloudFormation supports it, but it is not known to work in a pack.";
    RESOURCE_TYPE = "resource-type", "Packs hold Config rules and remediations only.";
    LOGICAL_ID = "logical-id", "A logical id is not alphanumeric.";
    NO_RULES = "no-rules", "The template holds no Config rule.";
    TOO_MANY_RULES = "too-many-rules", "More rules than AWS accepts in one pack.";
    RULE_SOURCE = "rule-source", "A rule does not define what evaluates it, or when.";
    UNKNOWN_REFERENCE = "unknown-reference", "A `Ref` to something that is not declared, or that \
        a condition omits.";
    UNJUDGED = "unjudged", "AWS would transform it after conformd has checked it: a macro, a hook.";
    FUNCTION = "function", "A function in a place where none is allowed, or with wrong arguments.";
    CONDITION = "condition", "A condition that is not declared, or is not a condition.";
    CYCLE = "cycle", "Conditions or resources that lead to each other.";
    NULL = "null", "Nothing (null), which CloudFormation refuses.";
    CONSTRAINT = "constraint", "A value that its parameter does not accept, or a wrong constraint.";
    RULE_NAME = "rule-name", "Two rules have the same name.";
    REMEDIATION = "remediation", "A remediation that AWS Config would refuse or cannot run.";
    LEFTOVER = "leftover", "Text that another tool should have replaced.";
    INERT = "inert", "No rule of the pack is in effect in a region.";
    YAML_1_1 = "yaml-1-1", "YAML readers disagree about a plain value or key; quote it.";
    RENDERING = "rendering", "The rendered template does not read back as the checked one.";
}
