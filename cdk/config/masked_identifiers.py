"""The kinds of secrets that CloudWatch Logs masks in logged prompts and completions.

CloudWatch Logs masks text for subscription filters too, so a mask in the wrong place would change
what is counted. The list has private keys, and numbers that AWS finds only near a keyword and whose
form a count, an id, an account and the session names of SDKs do not have. A caller can begin a
private key in a prompt and let the answer end it: the mask then covers the counts between them, and
the record is rejected as `masked`, with an alarm. The list leaves out

- `AwsSecretKey` and `Cnpj-BR`: their form may contain `/`, so it can begin in the name of a role
  and end in the name of a session, which callers choose;
- e-mail addresses, IP addresses and names: an identity may be one;
- numbers that are as short as a count of tokens, or as long as an account id, a session name of an
  SDK or an instance id: `CreditCardSecurityCode`, `BankAccountNumber-US`, `Ssn-ES`, `InseeCode-FR`,
  `NhsNumber-GB`, `VehicleIdentificationNumber` and others.

A caller can still give a session the name of a number: then the call counts for its role alone.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-managed-data-identifiers.html
"""

from __future__ import annotations

MASKED_IDENTIFIERS = (
    "BankAccountNumber-DE",
    "BankAccountNumber-ES",
    "BankAccountNumber-FR",
    "BankAccountNumber-GB",
    "BankAccountNumber-IT",
    "CreditCardNumber",
    "CpfCode-BR",
    "IndividualTaxIdentificationNumber-US",
    "NationalIdentificationNumber-ES",
    "NationalIdentificationNumber-IT",
    "NationalInsuranceNumber-GB",
    "NieNumber-ES",
    "NifNumber-ES",
    "OpenSshPrivateKey",
    "PgpPrivateKey",
    "PkcsPrivateKey",
    "PuttyPrivateKey",
    "SocialInsuranceNumber-CA",
    "Ssn-US",
    "TaxId-DE",
)
"""AWS's names of the identifiers in the data protection policy."""
