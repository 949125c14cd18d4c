"""Plans, zone files and templates: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Plans, zone files and templates",
    "Plans of DNS changes, zone files and templates.",
    {
        "plan_not_found": Entry(
            Turn.YOU,
            "There is no such plan.",
            "List the domain's plans, or make a new one.",
            (404,),
        ),
        "plan_expired": Entry(
            Turn.YOU,
            "The plan has expired.",
            "Make a new plan, review it, and apply it.",
            (409,),
        ),
        "plan_used": Entry(
            Turn.YOU,
            "The plan has already been applied, or is being applied.",
            "Make a new plan.",
            (409,),
        ),
        "plan_unsafe": Entry(
            Turn.YOU,
            "The plan changes more than the safety thresholds allow, or the zone's own name servers.",
            "Review the plan with `nameplate record plan`. Apply it with force to confirm.",
            (409,),
        ),
        "zone_moved": Entry(
            Turn.YOU,
            "The zone was changed at the provider after the plan was made.",
            "Make a new plan and review it.",
            (409,),
        ),
        "records_moved": Entry(
            Turn.YOU,
            "The domain's records were changed after the plan was made.",
            "Make a new plan and review it.",
            (409,),
        ),
        "nothing_to_undo": Entry(
            Turn.YOU,
            "No plan has been applied to this domain.",
            "There is nothing to undo. Change the records themselves.",
            (409,),
        ),
        "dns_account_missing": Entry(
            Turn.YOU,
            "The domain has no DNS account, so Nameplate cannot write its zone.",
            "Give the domain an account with `nameplate domain update`, or publish the records by hand.",
            (409,),
        ),
        "sources_several": Entry(
            Turn.YOU,
            "The request names more than one source of records.",
            "Give only one of records, a file or a source.",
            (422,),
        ),
        "format_unknown": Entry(
            Turn.YOU,
            "The file format is unknown.",
            "Use one of the formats that the message lists.",
            (422,),
        ),
        "file_invalid": Entry(
            Turn.YOU,
            "The zone file cannot be imported as it is.",
            "Correct each line that `errors` names.",
            (422,),
        ),
        "file_too_large": Entry(
            Turn.YOU,
            "The zone file to import, or the file of a proof, is too large.",
            "Import the zone file in parts. For a proof, serve only the expected text.",
            (422,),
        ),
        "file_unreadable": Entry(
            Turn.YOU,
            "The file cannot be read, or is not UTF-8.",
            "Check the path and its permissions, and save the file as UTF-8.",
            (422,),
        ),
        "too_many_records": Entry(
            Turn.YOU,
            "The file has too many records.",
            "Import it in parts.",
            (422,),
        ),
        "columns_missing": Entry(
            Turn.YOU,
            "The table's heading lacks columns.",
            "Add the columns that the message names.",
            (422,),
        ),
        "syntax": Entry(
            Turn.YOU,
            "A line cannot be read.",
            "Correct the line that `pointer` names.",
        ),
        "shape": Entry(
            Turn.YOU,
            "An entry lacks the fields of a record.",
            "Give it a name, a type, a TTL and values.",
        ),
        "key_twice": Entry(
            Turn.YOU,
            "A key or a column is written twice, and only one of the two could be read.",
            "Remove one, or put both values into one list.",
        ),
        "proxied_differs": Entry(
            Turn.YOU,
            "Records of one name and type are proxied in one place and not in another.",
            "Give all of them the same setting.",
        ),
        "value_shape": Entry(
            Turn.YOU,
            "A value does not have a form of its type.",
            "Write the value in octoDNS's form for this type.",
        ),
        "dynamic": Entry(
            Turn.YOU,
            "Dynamic and geo records are computed by a provider and are not DNS data.",
            "Leave them out, or write plain records instead.",
        ),
        "include_refused": Entry(
            Turn.YOU,
            "`$INCLUDE` is not supported.",
            "Paste the content of the included file.",
        ),
        "generate_too_large": Entry(
            Turn.YOU,
            "`$GENERATE` makes too many records.",
            "Use a smaller range, or write the records out.",
        ),
        "nothing_to_import": Entry(
            Turn.YOU,
            "No source was named.",
            "Name a zone file, or use `--from zone`, `--from names` or `--from drift`.",
            (422,),
        ),
        "template_not_found": Entry(
            Turn.YOU,
            "There is no such template.",
            "Use one of the templates that the message lists, or `nameplate record templates`.",
            (404,),
        ),
        "template_conflict": Entry(
            Turn.YOU,
            "The template conflicts with existing records.",
            "Remove or change the records that the message names, then apply the template again.",
            (409,),
        ),
        "parameters_invalid": Entry(
            Turn.YOU,
            "The template's parameters are not valid.",
            "Correct each parameter that `errors` names.",
            (422,),
        ),
        "parameter_required": Entry(
            Turn.YOU,
            "A parameter of the template is missing.",
            "Give the parameter that the message names.",
            (422,),
        ),
        "parameter_invalid": Entry(
            Turn.YOU,
            "The value of a template parameter is not valid.",
            "Give a value that the message describes.",
            (422,),
        ),
        "parameter_unknown": Entry(
            Turn.YOU,
            "The template has no such parameter.",
            "Remove it. The message lists the known parameters.",
        ),
        "spf_too_many_lookups": Entry(
            Turn.YOU,
            "The SPF record would need more than ten DNS lookups (RFC 7208).",
            "Remove an `include`, or replace it with addresses.",
            (422,),
        ),
    },
)
