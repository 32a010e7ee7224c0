/** A page a person fills in: name, password, and two buttons. Its layout is fixed, so that a test can aim. */
export function signInPage(uid: string, error: string | null): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Sign in</title>
<style>
  body { margin: 0; background: #fff; color: #111; font: 20px sans-serif; }
  main { width: 420px; margin: 80px auto; }
  label { display: block; margin-top: 20px; }
  input { width: 100%; box-sizing: border-box; height: 48px; font: inherit; padding: 0 12px; }
  button { width: 100%; height: 56px; margin-top: 24px; font: inherit; border: 0; }
  button[value="continue"] { background: #0a7d5a; color: #fff; }
  /* Answers a pressed mouse button without sending anything. */
  main:active button[value="continue"] { background: #f0a020; }
  [role="alert"] { color: #b3261e; }
</style>
</head>
<body>
<main>
  <h1>Test sign-in</h1>
  ${error === null ? '' : `<p role="alert">${error}</p>`}
  <form method="post" action="/sign-in/${uid}">
    <label>Email <input name="user" autocomplete="off" autofocus></label>
    <label>Password <input name="password" type="password" autocomplete="off"></label>
    <button name="action" value="continue">Continue</button>
    <button name="action" value="deny">Cancel</button>
  </form>
</main>
</body>
</html>
`;
}
