import { describe, expect, it } from '@jest/globals';
import { isRefusedAddress, namesRefusedAddress } from '../../../src/documents/address-guard';

describe('an address to fetch keys from', () => {
  it.each([
    ...['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
    ...[
      'fd00:ec2::254',
      'fd00:0ec2:0:0::0254',
      'fd00:ec2::23',
      'fd00:ec2:ffff::1',
      'fd00:c1::a9fe:a9fe',
      'fd00:42::42',
    ],
    ...['fd20:ce::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
    // IPv6 that stands for IPv4: mapped, translated, IPv4-compatible.
    ...[
      '::ffff:169.254.169.254',
      '::ffff:a9fe:a9fe',
      '::ffff:0:a9fe:a9fe',
      '::169.254.169.254',
      '::a9fe:a9fe',
      '::6464:64c8',
    ],
    // NAT64, 6to4, Teredo (server; client), ISATAP.
    ...['64:ff9b::a9fe:a9fe', '64:ff9b:1::a9fe:a9fe', '64:ff9b:1:a9fe:a9:fe00::', '2002:a9fe:a9fe::1'],
    ...['2001:0:a9fe:a9fe::1', '2001:0:808:808:0:0:5601:5601', '2001:db8::5efe:a9fe:a9fe', 'fd00::200:5efe:a9fe:a9fe'],
    ...['::ffff:100.100.100.200', '64:ff9b:1:6464:64:c800::'],
  ])('is not %s', (address) => {
    expect(isRefusedAddress(address)).toBe(true);
  });

  it.each([
    ...[
      '127.0.0.1',
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '100.64.0.1',
      '8.8.8.8',
      '169.253.255.255',
      '170.254.1.1',
    ],
    ...['::1', 'fd00::1', '2001:db8::1', 'fec0::1', '64:ff9b::808:808', '2002:808:808::1', '::ffff:10.0.0.1'],
    ...[
      '::10.0.0.1',
      '2001:0:808:808:0:0:f7f7:f7f7',
      'fd00:ec1:ffff::1',
      'fd00:ec3::1',
      'fd00:42::43',
      '2001:db8::a9fe:a9fe',
    ],
    // Nearly ISATAP, and what would be refused behind the prefixes of NAT64 and 6to4.
    ...['2001:db8::5ffe:a9fe:a9fe', '2001:db8::1:5efe:a9fe:a9fe', '2001:db8:0:a9fe:a9:fe00::', '2001:a9fe:a9fe::1'],
  ])('may be %s', (address) => {
    expect(isRefusedAddress(address)).toBe(false);
  });
});

describe('a URL to fetch keys from', () => {
  it.each([
    ...['http://169.254.169.254/latest/meta-data/', 'https://[fe80::1]/', 'https://[::ffff:169.254.169.254]/'],
    // The URL parser reads all of these as 169.254.169.254.
    ...['http://2852039166/', 'http://0xa9fea9fe/', 'http://0251.0376.0251.0376/', 'http://169.254.43518/'],
  ])('does not name such an address, as %s', (url) => {
    expect(namesRefusedAddress(new URL(url))).toBe(true);
  });

  it.each(['https://auth.test/', 'https://169.254.169.254.auth.test/', 'https://10.0.0.1/', 'https://[::1]/'])(
    'may be %s',
    (url) => {
      expect(namesRefusedAddress(new URL(url))).toBe(false);
    },
  );
});
