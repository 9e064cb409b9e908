"""The key with which reports are signed: any PDF reader then shows that not a byte was changed since they were sent.

It is made by `init`, lies in files beside the database and never in it, and belongs to the server: it says that a
report is what this server sent. Who signed the case, and what, is within the report and in the ledger. A laboratory
with a certificate of its own names its files in the settings instead.
"""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import current_app
from flask_babel import gettext as _
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from app.records import now
from app.rules import NoKeyError
from app.signing.key_files import write_once

YEARS = 20  # for which the certificate that `init` makes is valid: reports are kept for long
FIELD = "Report"


def make(key_file: Path, certificate_file: Path, name: str) -> bool:
    """Write a key and a certificate for it in a name, readable by this account only; return whether they are new.

    Where one of the two is there, nothing is written.
    """
    if key_file.exists() or certificate_file.exists():
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, name[:64]),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "LeukoLens reports"),
        ]
    )
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"), False
    ) | {"digital_signature": True, "content_commitment": True, "encipher_only": False, "decipher_only": False}
    certificate = (
        x509.CertificateBuilder(title, title, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))  # whose clock is behind may read reports too
        .not_valid_after(now() + timedelta(days=365 * YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .sign(key, SHA256())
    )
    # Of two servers that are started at once, the one whose certificate is there writes the key that belongs to it.
    if not write_once(certificate_file, certificate.public_bytes(Encoding.PEM)):
        return False
    return write_once(key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def sign(document: bytes) -> bytes:
    """Return a PDF with the server's signature, after which nothing may be changed; NoKeyError without a key."""
    config = current_app.config
    signer = SimpleSigner.load(str(config["REPORT_KEY_FILE"]), str(config["REPORT_CERTIFICATE_FILE"]))
    if signer is None:  # the library says why in its log, which names no more than the file
        raise NoKeyError(_("This server has no key that it could sign reports with."))
    metadata = PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", certify=True, docmdp_permissions=MDPPerm.NO_CHANGES
    )
    signed: BytesIO = sign_pdf(IncrementalPdfFileWriter(BytesIO(document)), metadata, signer)
    return signed.getvalue()


def problem(document: bytes, certificate_file: Path) -> str:
    """Return what is wrong with a PDF that is held to be a report of this server; "" where it is as it was sent."""
    try:
        reader = PdfFileReader(BytesIO(document))
        signatures = list(reader.embedded_signatures)
        if len(signatures) != 1:
            return "It has no signature." if not signatures else "It was signed once more by somebody else."
        trusted = ValidationContext(trust_roots=[load_cert_from_pemder(str(certificate_file))], allow_fetching=False)
        status = validate_pdf_signature(signatures[0], trusted)
    except (PdfError, ValueError):
        return "It is damaged, or no PDF at all."
    if not (status.intact and status.valid):
        return "It was changed after it was signed."
    if not status.trusted:
        return "It was signed with another key than the one of this certificate."
    if status.coverage != SignatureCoverageLevel.ENTIRE_FILE or not status.bottom_line:
        return "Something was added after it was signed."
    return ""
