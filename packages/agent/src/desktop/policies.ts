/**
 * Chromium's managed policies: what a sign-in needs and no more. They bind the browser whatever a page
 * or a person does. `caCertificates`: PEM, trusted for servers besides the public authorities.
 */
export function policies(caCertificates: readonly string[]): Record<string, unknown> {
  return {
    AllowFileSelectionDialogs: false,
    AudioCaptureAllowed: false,
    AutofillAddressEnabled: false,
    AutofillCreditCardEnabled: false,
    BackgroundModeEnabled: false,
    BrowserAddPersonEnabled: false,
    BrowserGuestModeEnabled: false,
    BrowserSignin: 0,
    BuiltInDnsClientEnabled: false,
    CACertificates: caCertificates.map(toBase64Der),
    DefaultBrowserSettingEnabled: false,
    DefaultGeolocationSetting: 2,
    DefaultNotificationsSetting: 2,
    DeveloperToolsAvailability: 2,
    DnsOverHttpsMode: 'off',
    DownloadRestrictions: 3,
    ExtensionInstallBlocklist: ['*'],
    GenAILocalFoundationalModelSettings: 1,
    IncognitoModeAvailability: 1,
    MetricsReportingEnabled: false,
    PasswordManagerEnabled: false,
    PrintingEnabled: false,
    PromotionsEnabled: false,
    SafeBrowsingProtectionLevel: 0,
    SearchSuggestEnabled: false,
    SyncDisabled: true,
    TranslateEnabled: false,
    URLBlocklist: ['file://*', 'chrome://*', 'javascript://*'],
    VideoCaptureAllowed: false,
  };
}

function toBase64Der(pem: string): string {
  return pem.replace(/-----[^-]+-----/g, '').replace(/\s+/g, '');
}
