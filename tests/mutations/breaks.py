"""What is broken: the file, the code that protects, what stands in its place, and the test that has to fail of it."""

from __future__ import annotations

from typing import NamedTuple


class Break(NamedTuple):
    """One protection that is taken away. old: stands once in the file; test: of pytest, it fails without it."""

    what: str
    file: str
    old: str
    new: str
    test: str


BREAKS = (
    Break(
        "On PostgreSQL, writers do not stand in line.",
        "app/database.py",
        'if connection.get_execution_options().get("leukolens_immediate"):\n',
        "if False:\n",
        "tests/app/servers/test_same_instant.py::test_no_review_is_lost_from_the_counts",
    ),
    Break(
        "On SQLite, a writer takes the lock only when it writes.",
        "app/database.py",
        '"BEGIN IMMEDIATE" if immediate else "BEGIN"',
        '"BEGIN"',
        "tests/app/test_database.py::test_writers_that_read_first_wait_for_each_other",
    ),
    Break(
        "A lab keeps no last admin.",
        "app/lab/membership.py",
        "if not any(colleague.is_admin for colleague in session.scalars(query)):",
        "if False:",
        "tests/app/lab/test_members.py::test_the_last_admin_stays",
    ),
    Break(
        "A wrong password does not count.",
        "app/auth/tries.py",
        "row.wrong += 1",
        "row.wrong += 0",
        "tests/app/auth/test_tries.py::test_guessing_waits_longer_and_longer",
    ),
    Break(
        "A case is found whatever lab it belongs to.",
        "app/access.py",
        "select(Case).where(Case.id == case_id, Case.lab_id == current_user.lab_id)",
        "select(Case).where(Case.id == case_id)",
        "tests/app/test_security.py::test_who_may_do_what[stranger]",
    ),
    Break(
        "The key of a session stays the same at sign-in and sign-out.",
        "app/auth/sessions.py",
        "session.sid = self._generate_sid(self.sid_length)",
        "self._generate_sid(self.sid_length)",
        "tests/app/test_security.py::test_signing_in_changes_the_key",
    ),
    Break(
        "Scripts reach the cookie.",
        "app/security.py",
        "SESSION_COOKIE_HTTPONLY=True",
        "SESSION_COOKIE_HTTPONLY=False",
        "tests/app/test_security.py::test_the_cookie_is_out_of_reach_of_scripts",
    ),
    Break(
        "Browsers keep what they are shown.",
        "app/security.py",
        'response.headers["Cache-Control"] = "no-store"',
        'response.headers["Cache-Control"] = "private"',
        "tests/app/test_security.py::test_nothing_is_kept_but_what_is_on_the_list",
    ),
    Break(
        "A picture is not compared with its hash.",
        "app/image_store.py",
        "if hashlib.sha256(data).hexdigest() != digest:",
        "if False:",
        "tests/app/test_damaged_pictures.py::test_a_damaged_picture_fails_alone",
    ),
    Break(
        "The ledger is sealed without its key.",
        "app/ledger.py",
        "hmac.new(secret, sealed, hashlib.sha256).hexdigest() if secret else hashlib.sha256(sealed).hexdigest()",
        "hashlib.sha256(sealed).hexdigest()",
        "tests/app/audit/test_verification.py::test_the_chain_cannot_be_sealed_anew_without_the_key",
    ),
    Break(
        "Whoever signs does not sign what the page showed.",
        "app/signing/signature.py",
        "if digest(content) != shown_digest:",
        "if False:",
        "tests/app/signing/test_signing.py::test_a_review_in_between_is_told",
    ),
    Break(
        "A signed case is changed.",
        "app/rules.py",
        'if case.state == "signed":',
        "if False:",
        "tests/app/signing/test_signing.py::test_a_signed_case_does_not_change",
    ),
    Break(
        "A report leaves without a digital signature.",
        "app/report/views.py",
        "data = report_key.sign(drawn)",
        "data = drawn",
        "tests/app/signing/test_report_key.py::test_a_report_is_signed_and_whole",
    ),
    Break(
        "Letters of the report do not join.",
        "app/report/document.py",
        "self.set_text_shaping(True)",
        "self.set_text_shaping(False)",
        "tests/app/report/test_scripts.py::test_letters_join",
    ),
    Break(
        "A sign that nobody sees turns a text around.",
        "app/report/document.py",
        "if sign in TURNING:",
        "if False:",
        "tests/app/report/test_scripts.py::test_nothing_unseen_turns_a_text_around",
    ),
    Break(
        "The site answers under any name.",
        "app/request_checks.py",
        "if host_is_trusted(get_host(environ).lower(), self.names):",
        "if True:",
        "tests/app/site/test_site_names.py::test_another_name_is_refused_with_a_sentence",
    ),
    Break(
        "A bundle reads with another card than before.",
        "app/registry/held_cards.py",
        "if card_sha256 != bundle.card_sha256:",
        "if False:",
        "tests/app/registry/test_held_cards.py::test_a_changed_card_does_not_read_until_an_admin_activates_it",
    ),
    Break(
        "What is activated at another server is not loaded here.",
        "app/inference/engine.py",
        'if self.started and (name not in self._loaded or self._loaded[name].state == "whole"):',
        "if False:",
        "tests/app/servers/test_one_lab.py::test_what_is_activated_at_one_server_reads_at_the_other",
    ),
    Break(
        "A damaged backup is brought back.",
        "app/cli/backup.py",
        "if digest.hexdigest() != expected:",
        "if False:",
        "tests/app/cli/test_backup.py::test_a_damaged_backup_is_refused",
    ),
    Break(
        "A JPEG may have any number of passes.",
        "smear/imaging/formats/jpeg.py",
        "if scans > _MOST_SCANS or scans * header.width * header.height > _MOST_WORK:",
        "if False:",
        "tests/smear/imaging/test_bombs.py::test_passes_over_the_pixels_without_end_are_refused_at_once",
    ),
    Break(
        "ONNX Runtime tells its maker.",
        "smear/segmentation/mask_network.py",
        'os.environ["ORT_DISABLE_TELEMETRY"] = "1"',
        'os.environ["ORT_DISABLE_TELEMETRY"] = "0"',
        "tests/smear/inference/engines/test_engines.py::test_a_field_is_read_without_tensorflow_and_without_a_network",
    ),
    Break(
        "What unpacks strangers' files knows the server's settings.",
        "smear/imaging/formats/apart.py",
        "surroundings = {name: os.environ[name] for name in _SURROUNDINGS if name in os.environ}",
        "surroundings = dict(os.environ)",
        "tests/smear/imaging/test_apart.py::test_a_process_is_kept_warm_and_knows_no_secret",
    ),
    Break(
        "What unpacks strangers' files takes as much memory as it likes.",
        "smear/imaging/formats/child.py",
        "memory.bound(MEMORY - picture_bytes)",
        "memory.bound(64 * MEMORY)",
        "tests/smear/imaging/test_apart.py::test_no_picture_takes_more_than_its_share[TIFF in one strip]",
    ),
    Break(
        "What unpacks strangers' files computes as long as it likes.",
        "smear/imaging/formats/child.py",
        "most = int(used.ru_utime + used.ru_stime) + 1 + SECONDS",
        "most = 100_000",
        "tests/smear/imaging/test_apart.py::test_one_that_computes_without_end_is_ended",
    ),
    Break(
        "A stolen password is taken.",
        "app/auth/passwords.py",
        "    if leaked:\n",
        "    if False:\n",
        "tests/app/auth/test_breached.py::test_it_cannot_be_chosen",
    ),
    Break(
        "A version of a lab's terms is written over.",
        "app/migrations/versions/0026_terms.py",
        '    protect("term_list")\n',
        "    pass\n",
        "tests/app/lab/test_terms.py::test_every_change_is_a_version",
    ),
)
