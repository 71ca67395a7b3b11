"""A certificate authority of the emulator's own, and a certificate for its names.

Needs the package cryptography, which comes with Ray.
"""

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from controller.emulator.address import LOOPBACK, NAME

ISSUER = "CML emulator on this machine"
AUTHORITY, CHAIN, KEY = "ca.pem", "server.pem", "server.key"
LIFE = timedelta(days=825)
RENEW = timedelta(days=30)


class CertificateError(Exception):
    """TLS that cannot be had on this machine."""


def server_context(folder: Path) -> ssl.SSLContext:
    """The context of a server with the certificate in `folder`, which is made where it is due."""
    folder.mkdir(exist_ok=True)
    if not _is_valid(folder):
        _create(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / CHAIN, folder / KEY)
    return context


def bundle(folder: Path) -> Path:
    """A file with the machine's certificates and the authority, for the pods."""
    path, known = folder / "bundle.pem", ssl.get_default_verify_paths().cafile
    texts = [Path(name).read_bytes() for name in (known, folder / AUTHORITY) if name]
    _write(path, b"\n".join(texts))
    return path


def _is_valid(folder: Path) -> bool:
    """True for a certificate that holds for a month from now."""
    if not all((folder / name).is_file() for name in (AUTHORITY, CHAIN, KEY)):
        return False
    try:
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate((folder / CHAIN).read_bytes())
    except (ImportError, ValueError):
        return False
    return certificate.not_valid_after_utc > datetime.now(UTC) + RENEW


def _create(folder: Path) -> None:
    """A new authority, whose key is thrown away, and a certificate by it."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise CertificateError(
            "tls=true needs the package cryptography: pip install 'raycml[local]'"
        ) from None
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    signer = x509.SubjectKeyIdentifier.from_public_key(keys[0].public_key())
    authority = (
        _unsigned(ISSUER)
        .public_key(keys[0].public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(signer, critical=False)
    )
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer)
    names = [x509.DNSName(name) for name in (NAME, f"*.{NAME}", "localhost")]
    addresses = [x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
    server = (
        _unsigned(NAME)
        .public_key(keys[1].public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(issuer, critical=False)
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    _write(folder / KEY, private)
    for name, unsigned in ((CHAIN, server), (AUTHORITY, authority)):
        _write(folder / name, unsigned.sign(keys[0], hashes.SHA256()).public_bytes(pem))


def _unsigned(subject: str) -> Any:
    """A certificate without key and extensions."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    now = datetime.now(UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (ISSUER, subject)]
    return x509.CertificateBuilder(
        issuer_name=names[0],
        subject_name=names[1],
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + LIFE,
    )


def _key_usage() -> Any:
    """The use of an authority's key: signatures of certificates alone."""
    from cryptography import x509

    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**dict.fromkeys(names, False), key_cert_sign=True, crl_sign=True)


def _write(path: Path, data: bytes) -> None:
    """Replace a file, which only its owner can read."""
    new = path.with_suffix(".new")
    with open(new, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
    new.replace(path)
