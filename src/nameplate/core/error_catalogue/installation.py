"""Installation and command line: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Installation and command line",
    "The database, the key ring, settings, and commands on this machine.",
    {
        "database_absent": Entry(
            Turn.OPERATOR,
            "The database does not exist.",
            "Create the database, or correct NAMEPLATE_DATABASE_URL.",
            (404,),
        ),
        "database_busy": Entry(
            Turn.NAMEPLATE,
            "The database is busy.",
            "Repeat the request. For a migration, end other programs that use the database.",
            (409, 503),
        ),
        "database_failed": Entry(
            Turn.OPERATOR,
            "The database reported an unknown error.",
            "Look up the code in the message in the database's documentation and log.",
            (502,),
        ),
        "database_file_invalid": Entry(
            Turn.OPERATOR,
            "The file is not an SQLite database.",
            "Set NAMEPLATE_DATABASE_URL to another file.",
            (422,),
        ),
        "database_file_refused": Entry(
            Turn.OPERATOR,
            "The database file cannot be opened.",
            "Check the folder and its permissions.",
            (502,),
        ),
        "database_folder_refused": Entry(
            Turn.OPERATOR,
            "The folder of the database cannot be created.",
            "Set NAMEPLATE_HOME to a writable folder.",
            (502,),
        ),
        "database_login_refused": Entry(
            Turn.OPERATOR,
            "The database rejected the login.",
            "Check user and password in NAMEPLATE_DATABASE_URL, and the hosts that the "
            "database allows.",
            (403,),
        ),
        "database_not_empty": Entry(
            Turn.OPERATOR,
            "The database already holds data.",
            "Seed a new, empty database.",
            (409,),
        ),
        "database_read_only": Entry(
            Turn.OPERATOR,
            "The database is read-only.",
            "Check the permissions of the file, and that the server is not a replica.",
            (502,),
        ),
        "database_refuses": Entry(
            Turn.OPERATOR,
            "The database role lacks a permission.",
            "Grant the role the permission, or migrate as the owner. See the page on "
            "PostgreSQL roles.",
            (403,),
        ),
        "work_overdue": Entry(
            Turn.OPERATOR,
            "Work is due and no worker has taken it.",
            "Check that `nameplate worker` is running, and start another one if it does not keep up.",
        ),
        "database_unavailable": Entry(
            Turn.OPERATOR,
            "The database cannot be reached.",
            "Check that it is running and that NAMEPLATE_DATABASE_URL is right. Then repeat "
            "the request.",
            (503,),
        ),
        "database_url_invalid": Entry(
            Turn.OPERATOR,
            "Not the address of a database.",
            "Write `sqlite:///FILE`, `postgresql://USER:PASSWORD@HOST/NAME` or `mariadb://USER:PASSWORD@HOST/NAME`.",
            (422,),
        ),
        "schema_absent": Entry(
            Turn.OPERATOR,
            "The database has no tables yet.",
            "Run `nameplate db upgrade`.",
            (409,),
        ),
        "schema_not_current": Entry(
            Turn.OPERATOR,
            "The database schema does not match this version.",
            "Run `nameplate db upgrade`.",
            (409, 503),
        ),
        "migration_interrupted": Entry(
            Turn.OPERATOR,
            "A migration of the database has begun and not ended.",
            "Run `nameplate db upgrade`: it completes the revision first.",
            (409,),
        ),
        "system_role_needed": Entry(
            Turn.OPERATOR,
            "The database role for background work sees no organization's rows.",
            "Set NAMEPLATE_SYSTEM_DATABASE_URL to the address of a role with BYPASSRLS.",
            (403,),
        ),
        "tenant_role_unbound": Entry(
            Turn.OPERATOR,
            "The database role for tenants' requests is not bound by row-level security.",
            "Give a role without BYPASSRLS in NAMEPLATE_DATABASE_URL, and the other in "
            "NAMEPLATE_SYSTEM_DATABASE_URL.",
            (403,),
        ),
        "schema_newer": Entry(
            Turn.OPERATOR,
            "The database was created by a newer version of Nameplate.",
            "Install that version or a newer one.",
            (409,),
        ),
        "migration_running": Entry(
            Turn.NAMEPLATE,
            "Another migration is running.",
            "Wait until it has ended, then try again.",
            (409,),
        ),
        "revision_unknown": Entry(
            Turn.OPERATOR,
            "There is no such revision.",
            "Use one that `nameplate db history` lists.",
            (404,),
        ),
        "revision_out_of_reach": Entry(
            Turn.OPERATOR,
            "The revision cannot be reached from the database's current revision.",
            "Check the order of revisions with `nameplate db history`.",
            (409,),
        ),
        "seed_needs_system_role": Entry(
            Turn.OPERATOR,
            "Seeding needs a database role that bypasses row-level security.",
            "Set NAMEPLATE_SYSTEM_DATABASE_URL to the address of the system role.",
            (403,),
        ),
        "settings_invalid": Entry(
            Turn.OPERATOR,
            "Some settings are not valid.",
            "Correct each variable that the message names.",
            (422,),
        ),
        "setting_invalid": Entry(
            Turn.OPERATOR,
            "A setting is not valid.",
            "Set it to a value that the message describes.",
            (422, 502),
        ),
        "keyring_missing": Entry(
            Turn.OPERATOR,
            "There is no key ring.",
            "Set NAMEPLATE_KEYRING_FILE to the key file, or NAMEPLATE_KEYRING to its "
            "content. Restore a lost key file from a backup.",
            (502,),
        ),
        "keyring_exists": Entry(
            Turn.OPERATOR,
            "There is a key file already.",
            "Use it, or add a key to it with `nameplate keys rotate`.",
            (409,),
        ),
        "keyring_wrong": Entry(
            Turn.OPERATOR,
            "The key ring is not the one that this database's secrets are sealed with.",
            "Restore the key ring from a backup. A key that is lost for good is given up with "
            "`nameplate keys forget`.",
            (502,),
        ),
        "keyring_older": Entry(
            Turn.OPERATOR,
            "The key ring is older than the database: its primary key is retired.",
            "Restore the newest copy of the key ring.",
            (502,),
        ),
        "keyring_not_everywhere": Entry(
            Turn.OPERATOR,
            "Running processes do not have the new key yet.",
            "Copy the key file to their machines, or restart them with the new key ring, then run "
            "the command again.",
            (409,),
        ),
        "key_not_known": Entry(
            Turn.OPERATOR,
            "The database does not know this key.",
            "Use an id that `nameplate keys show` lists.",
            (404,),
        ),
        "key_retired": Entry(
            Turn.NAMEPLATE,
            "The key that sealed the secret was retired while the request ran.",
            "Repeat the request.",
            (503,),
        ),
        "keyring_exposed": Entry(
            Turn.OPERATOR,
            "Other users of the machine can read the key file.",
            "Run `chmod 600` on the file that the message names.",
            (502,),
        ),
        "keyring_unreadable": Entry(
            Turn.OPERATOR,
            "The key file cannot be read.",
            "Check the path and its permissions.",
            (502,),
        ),
        "keyring_malformed": Entry(
            Turn.OPERATOR,
            "The key ring cannot be read.",
            "Write one key per line as `id:base64`, each id once.",
            (422,),
        ),
        "keyring_weak": Entry(
            Turn.OPERATOR,
            "A key of the key ring has the wrong length or is not random.",
            "Generate a new key.",
            (422,),
        ),
        "key_unknown": Entry(
            Turn.OPERATOR,
            "The key that sealed a stored secret is not in the key ring.",
            "Add the key to the key ring as an old key, or store the secret again.",
            (502,),
        ),
        "ciphertext_malformed": Entry(
            Turn.OPERATOR,
            "A stored secret is not a sealed value.",
            "Store the secret again.",
            (422,),
        ),
        "ciphertext_moved_or_damaged": Entry(
            Turn.OPERATOR,
            "A stored secret does not belong to its row, or was changed.",
            "Store the secret again, and find out who wrote to the database.",
            (502,),
        ),
        "not_local": Entry(
            Turn.OPERATOR,
            "The command works only on the machine with the database.",
            "Run it there, without NAMEPLATE_API_URL.",
            (502,),
        ),
        "api_url_invalid": Entry(
            Turn.YOU,
            "The URL of the API is not valid.",
            "Set NAMEPLATE_API_URL to a URL that begins with `http://` or `https://`.",
            (422,),
        ),
        "token_missing": Entry(
            Turn.YOU,
            "There is no token for the server.",
            "Set NAMEPLATE_TOKEN, or add `token` to the profile.",
            (422,),
        ),
        "profile_exposed": Entry(
            Turn.YOU,
            "Other users of the machine can read the profile, which contains a token.",
            "Run `chmod 600` on the file.",
            (502,),
        ),
        "profile_malformed": Entry(
            Turn.YOU,
            "The profile is not TOML, or says something that a profile cannot say.",
            'Write it as `api_url = "https://..."` and `token = "np_..."`.',
            (422,),
        ),
        "profile_missing": Entry(
            Turn.YOU,
            "The profile that NAMEPLATE_PROFILE names does not exist.",
            "Create it, or unset NAMEPLATE_PROFILE.",
            (502,),
        ),
        "profile_unreadable": Entry(
            Turn.YOU,
            "The profile cannot be read.",
            "Check the path in NAMEPLATE_PROFILE and its permissions.",
            (502,),
        ),
        "credential_in_argument": Entry(
            Turn.YOU,
            "A credential was given as an argument, which every user of the machine can read.",
            "Use `NAME=@FILE`, `NAME=env:VARIABLE` or `NAME=-`, and replace the credential.",
            (422,),
        ),
        "option_malformed": Entry(
            Turn.YOU,
            "The value of an option is not valid.",
            "Write the value as the message shows.",
            (422,),
        ),
        "confirmation_needed": Entry(
            Turn.YOU,
            "The command needs a confirmation, and there is no terminal to ask on.",
            "Pass `--yes` to confirm.",
        ),
        "not_confirmed": Entry(
            Turn.YOU,
            "The command was not confirmed, so nothing was done.",
            "Run the command again and answer `y`, or pass `--yes`.",
        ),
        "wait_failed": Entry(
            Turn.YOU,
            "The operation that the command waited for failed.",
            "Correct the problem in the message, and wait again.",
        ),
        "wait_timeout": Entry(
            Turn.NAMEPLATE,
            "The operation did not finish in time.",
            "The operation continues. Keep waiting with the printed command.",
        ),
        "error_code_unknown": Entry(
            Turn.YOU,
            "There is no such error code.",
            "Check the spelling. All codes are in docs/reference/errors.md.",
            (404,),
        ),
        "port_unusable": Entry(
            Turn.OPERATOR,
            "Nameplate cannot listen on the port.",
            "Stop the program that uses it, or choose another with `--port`.",
            (502,),
        ),
        "port_in_use": Entry(
            Turn.YOU,
            "The port of the demo is in use.",
            "Stop the program that uses it, or choose another with `--port`.",
            (409,),
        ),
        "interrupted": Entry(
            Turn.YOU,
            "The demo was interrupted.",
            "Start it again.",
        ),
        "caddy_missing": Entry(
            Turn.YOU,
            "The demo needs Caddy.",
            "Install it with `pip install 'nameplate[demo]'`.",
            (502,),
        ),
        "caddy_failed": Entry(
            Turn.YOU,
            "Caddy exited during the demo.",
            "Read its log in the folder that the demo names.",
            (503,),
        ),
        "api_ended": Entry(
            Turn.YOU,
            "Nameplate's API exited during the demo.",
            "Read its log in the folder that the demo names.",
            (503,),
        ),
        "demo_timeout": Entry(
            Turn.YOU,
            "A step of the demo took too long.",
            "Try again on a machine with less load. The message names the step.",
            (503,),
        ),
        "visit_failed": Entry(
            Turn.YOU,
            "The demo's site did not answer as expected.",
            "Start the demo again. If it happens again, report it.",
            (502,),
        ),
        "plugin_ambiguous": Entry(
            Turn.OPERATOR,
            "Two installed packages bring a plug-in of the same name.",
            "Uninstall all but one of the packages that the message names.",
            (502,),
        ),
        "plugin_broken": Entry(
            Turn.OPERATOR,
            "An installed plug-in cannot be imported, or is not what it should be.",
            "Update or uninstall the package that the message names.",
            (502,),
        ),
    },
)
