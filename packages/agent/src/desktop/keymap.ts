import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The VNC server types a character that no key has by giving it a key nobody uses, and the browser then sees a key
 * it does not know yet: it loses some, and tells pages no name of the others. So the letters of common alphabets
 * are on keys from the beginning. What is sent for a character beyond Latin-1 is its Unicode keysym.
 */
const ALPHABETS = [
  'àÀáÁâÂãÃäÄåÅæÆçÇèÈéÉêÊëËìÌíÍîÎïÏðÐñÑòÒóÓôÔõÕöÖøØùÙúÚûÛüÜýÝþÞßẞÿŸ',
  'аАбБвВгГдДеЕёЁжЖзЗиИйЙкКлЛмМнНоОпПрРсСтТуУфФхХцЦчЧшШщЩъЪыЫьЬэЭюЮяЯ',
  'єЄіІїЇґҐўЎјЈљЉњЊћЋђЂџЏѕЅќЌѓЃ',
  'αΑβΒγΓδΔεΕζΖηΗθΘιΙκΚλΛμΜνΝξΞοΟπΠρΡσΣτΤυΥφΦχΧψΨωΩάΆέΈήΉίΊόΌύΎώΏϊΪϋΫςΐ',
  'ąĄćĆęĘłŁńŃśŚźŹżŻčČďĎěĚňŇřŘšŠťŤůŮžŽőŐűŰğĞıİşŞăĂșȘțȚľĽĺĹŕŔđĐāĀēĒģĢīĪķĶļĻņŅūŪėĖįĮųŲœŒƒΰ',
  '€£¥¢§°µ±«»–—‘’“”„…•№₽₴₺₪¡¿×÷¶©®™²³¹¼½¾ªº¨´¸¯·¦¬¤‚‹›†',
  'אבגדהוזחטיכלמנסעפצקרשתךםןףץ־',
  'ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةىپچژگک؟ی،؛',
].join('');

/** Keys that Chromium gives no meaning to, by their names in X; where each lies is nobody's concern. */
const SPARE = [
  'I120 I126 I147 I149 I153 I154 I155 I156 I157 I158 I159 I160 I161 I162 I165 I168 I170 I177 I178 I182 I183 I184',
  'I185 I186 I189 I190 I208 I210 I211 I213 I214 I217 I218 I219 I220 I221 I222 I223 I224 I226 I227 I228 I229 I230',
  'I231 I234 I242 I243 I244 I245 I246 I247 I248 I249 I250 I251 I252 I253 I254 I255',
  'FK13 FK14 FK15 FK16 FK17 FK18 FK19 FK20 FK21 FK22 FK23 FK24',
  'PROP AGAI UNDO FRNT COPY OPEN PAST FIND CUT HELP I148 I151 I152 I163 I164 I169',
].flatMap((names) => names.split(' '));

/** Keys of letters, digits and punctuation, whose third and fourth level are free. */
const PLAIN = [
  'TLDE AE01 AE02 AE03 AE04 AE05 AE06 AE07 AE08 AE09 AE10 AE11 AE12 AD01 AD02 AD03 AD04 AD05 AD06 AD07 AD08 AD09',
  'AD10 AD11 AD12 BKSL AC01 AC02 AC03 AC04 AC05 AC06 AC07 AC08 AC09 AC10 AC11 AB01 AB02 AB03 AB04 AB05 AB06 AB07',
  'AB08 AB09 AB10',
].flatMap((names) => names.split(' '));

/** Keys that Chromium obeys by their number, whatever character they are given: not to be given any. */
const OBEYED = {
  LNFD: 'Linefeed',
  MUTE: 'XF86AudioMute',
  'VOL-': 'XF86AudioLowerVolume',
  'VOL+': 'XF86AudioRaiseVolume',
  POWR: 'XF86PowerOff',
  HNGL: 'Hangul',
  HJCV: 'Hangul_Hanja',
  I166: 'XF86Back',
  I167: 'XF86Forward',
  I180: 'XF86HomePage',
  I181: 'XF86Reload',
  I212: 'XF86LaunchB',
  I225: 'XF86Search',
  I232: 'XF86MonBrightnessDown',
  I233: 'XF86MonBrightnessUp',
};

const RULES = `! model = keycodes
  * = evdev+aliases(qwerty)
! model layout = symbols
  * * = pc+us+browser_vm
! model = geometry
  * = pc(pc105)
! model = types
  * = complete
! model = compat
  * = complete
`;

const NONE = 'NoSymbol';

function symbols(): string {
  const names = [...ALPHABETS].map((letter) => `U${letter.codePointAt(0)?.toString(16).padStart(4, '0')}`);
  const next = () => names.shift() ?? NONE;
  const spare = SPARE.map((key) => ({ key, levels: [next(), next()] }));
  for (const { levels } of spare) levels.push(next(), next());
  const plain = PLAIN.map((key) => ({ key, levels: [NONE, NONE, next(), next()] }));
  if (names.length > 0) throw new Error(`the keyboard has no keys for ${names.join(' ')}`);
  const obeyed = Object.entries(OBEYED).map(([key, symbol]) => ({ key, levels: [symbol] }));
  const keys = [...spare, ...plain, ...obeyed].map(
    ({ key, levels }) => `  key <${key}> { [ ${levels.join(', ')} ] };\n`,
  );
  return `default partial\nxkb_symbols "desktop" {\n${keys.join('')}};\n`;
}

/** Writes the keyboard map as a directory for the X server's -xkbdir, which every user may read. */
export function writeKeymap(directory: string): void {
  for (const [folder, files] of Object.entries({
    // Which of the two names a server asks for was chosen when it was built.
    rules: { base: RULES, evdev: RULES },
    symbols: { browser_vm: symbols() },
  })) {
    mkdirSync(join(directory, folder), { recursive: true, mode: 0o755 });
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, folder, name), text, { mode: 0o644 });
    }
  }
}
