"""DNS hosts of which the name servers are known, and no more.

`slug  Name  provider or -  name servers end in`, separated by two spaces or more. Name servers of
those with the provider `lexicon` are from dns-lexicon (e23b58aa, MIT); the others', and additions to
them, are common knowledge of the field.
"""

import re

from nameplate.core.dns_hosts.host import DnsHost

_TABLE = """
    afraid             FreeDNS (afraid.org)     -        afraid.org
    akamai             Akamai Edge DNS          -        akam.net
    aliyun             Alibaba Cloud            lexicon  hichina.com alidns.com
    allinkl            ALL-INKL.COM             -        kasserver.com
    arvancloud         ArvanCloud               lexicon  arvancloud.ir
    aurora             PCextreme Aurora         lexicon  auroradns.eu
    bluehost           Bluehost                 -        bluehost.com
    bunny              bunny.net                -        bunny.net
    cloudns            ClouDNS                  lexicon  cloudns.net
    cloudxns           CloudXNS                 lexicon  cloudxns.net
    conoha             ConoHa                   lexicon  conoha.io
    constellix         Constellix               lexicon  constellix.com constellix.net
    csc                CSC                      -        cscdns.net cscdns.uk
    dinahosting        Dinahosting              lexicon  dinahosting.com
    dnsmadeeasy        DNS Made Easy            lexicon  dnsmadeeasy.com
    dnspark            DNS Park                 lexicon  dnspark.com
    dnspod             DNSPod (Tencent)         lexicon  dnsapi.cn dnspod.net
    dnsservices        DNS.services             lexicon  dns.services
    domeneshop         Domeneshop               -        hyp.net
    dreamhost          DreamHost                lexicon  dreamhost.com
    duckdns            Duck DNS                 lexicon  duckdns.org
    dyn                Oracle Dyn               -        dynect.net
    dynu               Dynu                     lexicon  dynu.com
    easydns            easyDNS                  lexicon  easydns.net easydns.com easydns.org
    easyname           easyname                 lexicon  easyname.eu
    enom               Enom                     -        name-services.com
    euserv             EUserv                   lexicon  euserv.com
    exoscale           Exoscale                 lexicon  exoscale.ch exoscale.com exoscale.io exoscale.net
    fasthosts          Fasthosts                -        livedns.co.uk
    flexibleengine     Flexible Engine          lexicon  orange-business.com
    gehirn             Gehirn                   lexicon  gehirn.jp
    glesys             Glesys                   lexicon  glesys.com
    gransy             Gransy                   lexicon  gransy.com
    gratisdns          GratisDNS                lexicon  gratisdns.dk
    hetzner_robot      Hetzner Robot            -        first-ns.de second-ns.de second-ns.com
    hostgator          HostGator                -        hostgator.com
    hostingde          hosting.de               lexicon  hosting.de
    httpnet            http.net                 lexicon  routing.net
    infomaniak         Infomaniak               lexicon  infomaniak.com infomaniak.ch
    internetbs         Internet.bs              lexicon  topdns.com
    inwx               INWX                     lexicon  inwx.de inwx.eu inwx.com inwx.net domrobot.com domrobot.net domrobot.org domrobot.info domrobot.biz
    joker              Joker.com                lexicon  joker.com
    loopia             Loopia                   -        loopia.se
    luadns             LuaDNS                   lexicon  luadns.com luadns.net
    markmonitor        MarkMonitor              -        markmonitor.com
    memset             Memset                   lexicon  memset.com
    misaka             Misaka                   lexicon  m1ns.com m1ns.net m1ns.org m1ns.one m1ns.moe m1ns.xyz m1ns.fyi m1ns.app m1ns.be m1ns.io m1ns.uk m1ns.us m1ns.im reversedns.org ns53.net
    mythicbeasts       Mythic Beasts            lexicon  mythic-beasts.com
    namesilo           NameSilo                 lexicon  namesilo.com dnsowl.com
    netcup             netcup                   lexicon  netcup.net
    networksolutions   Network Solutions        -        worldnic.com
    nfsn               NearlyFreeSpeech.NET     lexicon  nearlyfreespeech.net
    njalla             Njalla                   lexicon  njalla.no njalla.in njalla.fo
    oci                Oracle Cloud             lexicon  dns.oraclecloud.net
    one                one.com                  -        one.com
    online             Online.net               lexicon  online.net
    pointhq            PointDNS                 lexicon  pointhq.com
    qcloud             Tencent Cloud            lexicon  dnspod.tencentcloudapi.com
    rackspace          Rackspace                lexicon  rackspacecloud.com stabletransit.com
    rage4              Rage4                    lexicon  rage4.com
    rcodezero          RcodeZero                lexicon  rcode0.net
    regfish            regfish                  lexicon  regfish-ns.net
    regru              REG.RU                   -        reg.ru
    safedns            ANS SafeDNS (UKFast)     lexicon  ukfast.net
    sakuracloud        Sakura Internet          lexicon  sakura.ne.jp
    scaleway           Scaleway                 lexicon  scw.cloud
    siteground         SiteGround               -        siteground.net
    softlayer          IBM Cloud (SoftLayer)    lexicon  softlayer.com
    timeweb            Timeweb                  lexicon  timeweb.cloud timeweb.ru
    transip            TransIP                  lexicon  transip.net transip.nl transip.eu
    ultradns           UltraDNS                 lexicon  ultradns.net ultradns.com ultradns.org ultradns.biz ultradns.info ultradns.co.uk
    valuedomain        Value Domain             lexicon  value-domain.com
    vultr              Vultr                    lexicon  vultr.com
    wedos              WEDOS                    lexicon  wedos.net wedos.eu wedos.cz wedos.com
    wordpress          WordPress.com            -        wordpress.com
    yandex             Yandex 360               lexicon  yandex.com yandex.net
    yandexcloud        Yandex Cloud             lexicon  yandexcloud.net
    zilore             Zilore                   lexicon  zilore.net
    zoneedit           ZoneEdit                 -        zoneedit.com
    zonomi             Zonomi                   lexicon  zonomi.com
"""


def _read(line: str) -> DnsHost:
    slug, name, provider, suffixes = re.split(r"\s{2,}", line.strip(), maxsplit=3)
    return DnsHost(slug, name, tuple(suffixes.split()), None if provider == "-" else provider)


OTHERS = tuple(_read(line) for line in _TABLE.strip().splitlines())
"""In the order of their slugs."""
