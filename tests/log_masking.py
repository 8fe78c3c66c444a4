"""A model of how CloudWatch Logs masks text, by its documentation.

An identifier matches text of its form. Most need a keyword within 30 characters as well. Keywords
match in any case, and inside longer words, since AWS does not rule that out.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TABLE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "fixtures" / "log-data-identifiers.json").read_text(encoding="utf-8")
)["identifiers"]
KEYWORD_DISTANCE = 30


def _key_block(name: str) -> str:
    return rf"-----BEGIN {name}-----.*?-----END {name}-----"


_CARD_DIGITS = r"(?:4\d{12}(?:\d{3}){0,2}|(?:2[2-7]|3[0-9]|5[0-9]|6[0-9])\d{11,17})"
_SPANISH = r"\d{8}[ -]?[A-Z]"
PRIVATE_KEYS = {
    "OpenSshPrivateKey": _key_block("OPENSSH PRIVATE KEY"),
    "PgpPrivateKey": _key_block("PGP PRIVATE KEY BLOCK"),
    "PkcsPrivateKey": _key_block("(?:RSA |EC |ENCRYPTED )?PRIVATE KEY"),
    "PuttyPrivateKey": r"PuTTY-User-Key-File-\d.*?Private-MAC: [0-9a-f]+",
}
# As their issuers define them: AWS documents the form of cards only.
TOKENS = {
    "BankAccountNumber-DE": r"DE\d{20}",
    "BankAccountNumber-ES": r"ES\d{22}",
    "BankAccountNumber-FR": r"FR\d{12}[A-Z0-9]{11}\d{2}",
    "BankAccountNumber-GB": r"GB\d{2}[A-Z]{4}\d{14}",
    "BankAccountNumber-IT": r"IT\d{2}[A-Z]\d{10}[A-Z0-9]{12}",
    "CreditCardNumber": _CARD_DIGITS,
    "CpfCode-BR": r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}",
    "IndividualTaxIdentificationNumber-US": r"9\d{2}[ -]?\d{2}[ -]?\d{4}",
    "NationalIdentificationNumber-ES": _SPANISH,
    "NationalIdentificationNumber-IT": r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]",
    "NationalInsuranceNumber-GB": r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
    "NieNumber-ES": r"[XYZ][ -]?\d{7}[ -]?[A-Z]",
    "NifNumber-ES": _SPANISH,
    "SocialInsuranceNumber-CA": r"[1-79]\d{2}[ -]?\d{3}[ -]?\d{3}",
    "Ssn-US": r"(?!000|666|9)\d{3}[ -]?(?!00)\d{2}[ -]?(?!0000)\d{4}",
    "TaxId-DE": r"\d{11}",
    # Not masked by the deployment.
    "AwsSecretKey": r"[A-Z0-9/+=]{40}",
    "Cnpj-BR": r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}",
    "BankAccountNumber-US": r"\d{6,17}",
    "CreditCardSecurityCode": r"\d{3,4}",
    "InseeCode-FR": r"[12]\d{12}",
    "NhsNumber-GB": r"\d{10}",
    "Ssn-ES": r"\d{12}",
    "VehicleIdentificationNumber": r"[A-HJ-NPR-Z0-9]{17}",
}
_WHOLE_TOKENS = {name: rf"(?<![A-Z0-9]){form}(?![A-Z0-9])" for name, form in TOKENS.items()}
FORMS = {
    name: re.compile(form, re.IGNORECASE | re.DOTALL)
    for name, form in (PRIVATE_KEYS | _WHOLE_TOKENS).items()
}


def get_keywords(identifier: str) -> Iterator[str]:
    """Yield the keywords of an identifier with the variations that AWS documents."""
    for keyword in TABLE[identifier]["keywords"]:
        for between in (" ", "", "_", "-"):
            yield keyword.replace(" ", between).lower()


def mask(text: str, identifiers: Iterable[str]) -> str:
    """Replace what the identifiers match by asterisks."""
    masked = text
    for identifier in identifiers:
        for found in FORMS[identifier].finditer(text):
            near = text[max(found.start() - KEYWORD_DISTANCE, 0) : found.end() + KEYWORD_DISTANCE]
            if not TABLE[identifier]["keyword_required"] or _has_keyword(identifier, near):
                stars = "*" * (found.end() - found.start())
                masked = masked[: found.start()] + stars + masked[found.end() :]
    return masked


def _has_keyword(identifier: str, near: str) -> bool:
    return any(keyword in near.lower() for keyword in get_keywords(identifier))
